"""The stack of recurrent layers: steps after a row's end must not matter, whatever the encoder."""

import itertools

import numpy as np
import pytest

pytestmark = pytest.mark.tf

VOCAB, DIM, UNITS = 11, 4, 3
LENGTHS = np.array([6, 3, 1], np.int32)
TOKENS = np.where(np.arange(6) < LENGTHS[:, None], np.random.default_rng(5).integers(1, VOCAB, (3, 6)), 0).astype(
    np.int32
)

EVERY_ENCODER = list(itertools.product(("lstm", "gru", "rnn", "ugrnn"), ("last", "mean", "max"), (False, True), (1, 2)))


def model_of(cell, pooling, bidirectional, layers, dropout=0.0):
    import keras

    from sweepkit.nn.embedding import TokenEmbedding
    from sweepkit.nn.encoder import Encoder, encode

    keras.utils.set_random_seed(4)
    tokens, lengths = keras.Input((None,), dtype="int32"), keras.Input((), dtype="int32")
    encoder = Encoder(cell, UNITS, layers, bidirectional, pooling, dropout)
    embedded = TokenEmbedding(VOCAB, DIM, embeddings_initializer="random_normal")(tokens)
    model = keras.Model([tokens, lengths], encode(embedded, lengths, encoder))
    rng = np.random.default_rng(6)
    # large weights and biases: states are far from zero, so that a leak from the padding shows
    model.set_weights([rng.normal(size=weight.shape) for weight in model.get_weights()])
    return model


def features(model, tokens, lengths):
    return model([tokens, lengths]).numpy()


@pytest.mark.parametrize("encoder", EVERY_ENCODER, ids=lambda encoder: "-".join(map(str, encoder)))
def test_padding_never_changes_a_result(encoder):
    model = model_of(*encoder)
    together = features(model, TOKENS, LENGTHS)
    assert together.shape == (3, UNITS * (2 if encoder[2] else 1))
    # more padding, and padding with words in it, which no reader writes and no result may depend on
    wider = np.concatenate([TOKENS, np.zeros((3, 4), np.int32)], axis=1)
    noise = np.where(np.arange(10) < LENGTHS[:, None], wider, 7).astype(np.int32)
    np.testing.assert_allclose(features(model, wider, LENGTHS), together, atol=2e-6)
    np.testing.assert_allclose(features(model, noise, LENGTHS), together, atol=2e-6)
    for row, length in enumerate(LENGTHS):
        alone = features(model, TOKENS[row : row + 1, :length], LENGTHS[row : row + 1])
        np.testing.assert_allclose(alone[0], together[row], atol=2e-6)


@pytest.mark.parametrize("pooling", ["last", "mean", "max"])
def test_two_bidirectional_layers_equal_a_loop_over_each_row(pooling):
    model = model_of("rnn", pooling, True, 2)
    table, *weights = model.get_weights()
    by_name = {layer.name: layer.get_weights() for layer in model.layers}
    assert len(weights) == 12

    def direction(row, name, backward):
        kernel, recurrent, bias = by_name[name]
        h, states = np.zeros(UNITS), []
        for x in row[::-1] if backward else row:
            h = np.tanh(x @ kernel + h @ recurrent + bias)
            states.append(h)
        return np.array(states[::-1] if backward else states)

    for row, length, actual in zip(TOKENS, LENGTHS, features(model, TOKENS, LENGTHS), strict=True):
        states = table[row[:length]].astype(np.float64)
        for number in (1, 2):
            forward = direction(states, f"layer_{number}_forward", False)
            backward = direction(states, f"layer_{number}_backward", True)
            states = np.concatenate([forward, backward], axis=1)
        expected = {
            "last": np.concatenate([forward[-1], backward[0]]),
            "mean": states.mean(axis=0),
            "max": states.max(axis=0),
        }
        np.testing.assert_allclose(actual, expected[pooling], atol=5e-6)


def test_the_padding_words_vector_gets_no_gradient():
    import tensorflow as tf

    model = model_of("gru", "last", True, 2)
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(model([TOKENS, LENGTHS]))
    gradient = tape.gradient(total, model.trainable_variables[0].value).numpy()
    assert (gradient[0] == 0).all()
    assert (gradient[TOKENS[0, 0]] != 0).any()


def test_dropout_is_between_layers_and_after_pooling_and_only_in_training():
    model = model_of("lstm", "last", False, 2, dropout=0.5)
    names = [type(layer).__name__ for layer in model.layers]
    assert names[names.index("LSTM") :] == ["LSTM", "Dropout", "LSTM", "Dropout"]
    calm = features(model, TOKENS, LENGTHS)
    assert (model([TOKENS, LENGTHS], training=True).numpy() != calm).any()
    np.testing.assert_array_equal(features(model, TOKENS, LENGTHS), calm)


def test_there_is_no_dropout_layer_without_dropout():
    assert "Dropout" not in [type(layer).__name__ for layer in model_of("gru", "mean", False, 2).layers]


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_lstm_and_gru_encoders_can_use_cudnn(cell):
    from sweepkit.nn.cudnn import issues

    assert issues(model_of(cell, "last", True, 2, dropout=0.5)) == []
