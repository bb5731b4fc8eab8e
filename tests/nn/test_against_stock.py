"""The scan against stock Keras in float32: features, gradients and a training run.

An encoder can be 4 cells x 3 poolings x 2 numbers of layers x 2 directions x with or without distinct tokens: 96
models, of which tracing the stock side alone takes more than a second each. The tests compare the 12 below, in
which every pair of values of two choices occurs; each on every kind of ragged batch.
"""

import itertools

import numpy as np
import pytest

from tests.support.nn.plain import PlainEncoder, weights_of

pytestmark = pytest.mark.tf

VOCAB, DIM, UNITS = 30, 4, 3
CELLS, POOLINGS = ("lstm", "gru", "rnn", "ugrnn"), ("last", "mean", "max")
FLAGS = {  # layers, both directions, distinct: by cell, for each of the poolings
    "lstm": ((1, True, True), (2, False, False), (2, True, False)),
    "gru": ((2, True, False), (1, True, True), (1, False, True)),
    "rnn": ((2, False, True), (1, True, False), (2, True, True)),
    "ugrnn": ((1, False, False), (2, True, True), (1, False, False)),
}
DESIGN = [
    (cell, pooling, *flags) for cell in CELLS for pooling, flags in zip(POOLINGS, FLAGS[cell], strict=True)
]  # fmt: skip

RNG = np.random.default_rng(4)
RAGGED = {
    "all of one step": ([1] * 5, 2),
    "all full": ([12] * 4, 12),
    "all equal": ([7] * 3, 9),
    "one long": ([2, 5, 45, 3, 2, 1], 45),
    "more than a group": (RNG.integers(1, 6, 67).tolist(), 6),
    "more than a tile": ([40, 36, 33, 32], 41),
    "one row of one step": ([1], 1),
}


def test_the_design_covers_every_pair_of_values():
    values = CELLS, POOLINGS, (1, 2), (False, True), (False, True)
    for one, other in itertools.combinations(range(5), 2):
        assert {(row[one], row[other]) for row in DESIGN} == set(itertools.product(values[one], values[other]))


def model_of(cell, pooling, layers, bidirectional, is_distinct, dropout=0.0):
    import keras

    from sweepkit.nn.embedding import TokenEmbedding
    from sweepkit.nn.encoder import Encoder, encode, look_up

    keras.utils.set_random_seed(5)
    tokens, lengths = keras.Input((None,), dtype="int32"), keras.Input((), dtype="int32")
    embedding = TokenEmbedding(VOCAB, DIM, embeddings_initializer=keras.initializers.RandomNormal(), name="embedding")
    sequences, places = look_up(tokens, embedding) if is_distinct else (embedding(tokens), None)
    encoder = Encoder(cell, UNITS, layers, bidirectional, pooling, dropout)
    model = keras.Model([tokens, lengths], encode(sequences, lengths, encoder, places))
    rng = np.random.default_rng(6)
    # biases too; three times the initial weights, and small enough for the precision of float32
    model.set_weights([rng.normal(scale=0.7, size=weight.shape) for weight in model.get_weights()])
    return model, encoder


def batch_of(lengths, time):
    import tensorflow as tf

    lengths = np.array(lengths, np.int32)
    tokens = np.where(np.arange(time) < lengths[:, None], RNG.integers(1, VOCAB, (len(lengths), time)), 0)
    return tf.constant(tokens, tf.int32), tf.constant(lengths)


def assert_close(actual, expected, name):
    """Compare within 1e-4 of the largest element; elements of a zero gradient are rounding."""
    actual, expected = (np.asarray(values) for values in (actual, expected))
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-4 * np.abs(expected).max() + 1e-7, err_msg=name)


def with_gradients(function, weights, tokens, lengths, **arguments):
    """Return the features, and the gradient of a weighted sum of the features by each weight."""
    import tensorflow as tf

    with tf.GradientTape() as tape:
        features = function(tokens, lengths, **arguments)
        shares = tf.reshape(tf.cos(tf.cast(tf.range(tf.size(features)), tf.float32)), tf.shape(features))
        total = tf.reduce_sum(features * shares)
    gradients = tape.gradient(total, [variable.value for variable in weights.values()])
    return features, {name: tf.convert_to_tensor(value) for name, value in zip(weights, gradients, strict=True)}


@pytest.mark.parametrize("choices", DESIGN, ids=lambda choices: "-".join(map(str, choices)))
def test_features_and_gradients_equal_those_of_stock_keras(choices):
    model, encoder = model_of(*choices)
    plain, weights = PlainEncoder(model, encoder), weights_of(model)
    for name, ragged in RAGGED.items():
        batch = batch_of(*ragged)
        # eagerly: tracing Keras' loops and their gradients takes longer than these few steps
        expected, expected_slopes = with_gradients(plain, plain.weights, *batch)
        actual, slopes = with_gradients(lambda *rows: model(rows, training=True), weights, *batch)
        np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-5, err_msg=name)
        np.testing.assert_allclose(model(batch), actual, rtol=0, atol=1e-6, err_msg=name)
        assert slopes.keys() == expected_slopes.keys()
        for weight, slope in slopes.items():
            assert_close(slope, expected_slopes[weight], f"{weight}, {name}")


def losses_of(path, cell, n_steps):
    """Train to distinguish rows with token 3 from rows with token 4, with sweepkit's gradient of the embedding."""
    import keras
    import tensorflow as tf

    from sweepkit.nn import implementation

    with implementation.using(path):
        model, _ = model_of(cell, "last", 1, False, path == "auto")
        head = keras.layers.Dense(1)
        head.build((None, UNITS))
        head.set_weights([np.full((UNITS, 1), 0.1), np.zeros(1)])
        variables = [*model.trainable_variables, *head.trainable_variables]
        optimizer = keras.optimizers.Adam(0.01)
        optimizer.build(variables)

        @tf.function(input_signature=[tf.TensorSpec(shape, tf.int32) for shape in ((None, None), (None,), (None,))])
        def step(tokens, lengths, targets):
            with tf.GradientTape() as tape:
                logits = head(model([tokens, lengths], training=True))[:, 0]
                labels = tf.cast(targets, tf.float32)
                loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels, logits))
            optimizer.apply(tape.gradient(loss, [variable.value for variable in variables]), variables)
            return loss

        return np.array([step(*batch) for batch in batches_with_a_signal(n_steps)])


def batches_with_a_signal(n_steps):
    rng = np.random.default_rng(7)
    for _ in range(n_steps):
        time = int(rng.integers(4, 12))
        lengths, targets = rng.integers(1, time + 1, 16), np.arange(16) % 2
        tokens = np.where(np.arange(time) < lengths[:, None], rng.integers(5, VOCAB, (16, time)), 0)
        tokens[np.arange(16), rng.integers(0, lengths)] = np.where(targets == 1, 3, 4)
        yield tokens.astype(np.int32), lengths.astype(np.int32), targets.astype(np.int32)


@pytest.mark.parametrize("cell", CELLS)
def test_the_loss_of_200_steps_equals_that_of_stock_keras(cell):
    actual, expected = (losses_of(path, cell, 200) for path in ("auto", "stock"))
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-3)
    assert actual[-20:].mean() < 0.5 * actual[:20].mean()
