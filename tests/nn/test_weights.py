"""One set of weights for both implementations, and for plain Keras where its file format allows.

In a file, Keras identifies the weights of a layer by the name of its class: LSTM, GRU and SimpleRNN have the names of
Keras' layers, but UGRNN stands for Keras' RNN, and TokenEmbedding for its Embedding. The weights of these two layers
are copied by `get_weights` and `set_weights`.
"""

import functools
import re

import numpy as np
import pytest

from tests.support.nn import plain
from tests.support.nn.models import CELLS, VOCAB, batch_of, model_of

pytestmark = pytest.mark.tf

BOTH_WAYS = [("auto", "stock"), ("stock", "auto")]


@pytest.fixture(params=CELLS)
def cell(request):
    return request.param


def layers_of(cell, seed=0):
    """Return sweepkit's layer and Keras' own, with the same name and seed."""
    import keras

    from sweepkit.nn.encoder import CELLS

    made = []
    for kind in (CELLS[cell], functools.partial(plain.layer, cell)):
        keras.utils.set_random_seed(seed)
        made.append(kind(3, name="layer"))
        made[-1].build((None, None, 4))
    return made


def probabilities(model, path):
    from sweepkit.nn import implementation

    with implementation.using(path):
        return model(batch_of(5, 9)[0]).numpy()


def paths_of(variables):
    """Return paths without the numbers that Keras gives to layers without a name, such as a cell."""
    return [re.sub(r"_\d+/", "/", variable.path) for variable in variables]


def test_variables_are_those_of_keras_own_layer(cell):
    ours, stock = layers_of(cell)
    for kind in ("variables", "trainable_variables", "weights"):
        actual, expected = getattr(ours, kind), getattr(stock, kind)
        assert paths_of(actual) == paths_of(expected)
        assert [(one.shape, one.dtype) for one in actual] == [(one.shape, one.dtype) for one in expected]


def test_weights_start_as_those_of_keras_own_layer(cell):
    ours, stock = layers_of(cell, seed=7)
    for one, other in zip(ours.get_weights(), stock.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_layer_survives_its_configuration(cell):
    import keras

    from sweepkit.nn.encoder import CELLS

    layer = CELLS[cell](7, only_last=True, name="under_test", trainable=False)
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert type(copy) is type(layer)
    assert (copy.units if cell != "ugrnn" else copy.cell.units, copy.only_last) == (7, True)
    assert copy.get_config() == layer.get_config()


def test_a_ugrnn_keeps_its_gate_bias_in_its_configuration():
    from sweepkit.nn.recurrent import UGRNN

    assert UGRNN.from_config(UGRNN(3, gate_bias=0.5).get_config()).cell.gate_bias == 0.5


@pytest.mark.parametrize(("saved", "loaded"), BOTH_WAYS)
def test_weights_saved_on_either_path_load_on_the_other(cell, saved, loaded, tmp_path):
    one, other = (model_of(cell, path=path, seed=seed) for seed, path in enumerate((saved, loaded)))
    assert paths_of(one.weights) == paths_of(other.weights)
    one.save_weights(tmp_path / "model.weights.h5")
    other.load_weights(tmp_path / "model.weights.h5")
    np.testing.assert_allclose(probabilities(other, loaded), probabilities(one, saved), atol=1e-6)


@pytest.mark.parametrize(("saved", "loaded"), BOTH_WAYS)
def test_a_model_saved_on_either_path_loads_on_the_other_with_its_optimiser(cell, saved, loaded, tmp_path):
    import keras

    from sweepkit.nn import implementation

    model = model_of(cell, path=saved, pooling="max")
    for variable in model.optimizer.variables[2:]:
        variable.assign(np.random.default_rng(2).random(variable.shape))
    model.save(tmp_path / "model.keras")
    with implementation.using(loaded):
        copy = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    np.testing.assert_allclose(probabilities(copy, loaded), probabilities(model, saved), atol=1e-6)
    for one, other in zip(copy.optimizer.variables, model.optimizer.variables, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())


def plain_model(cell, embedding):
    """Tokens -> embedding -> Keras' own layer, last state -> probability, with the names of `model_of`."""
    import keras

    tokens = keras.Input((None,), dtype="int32", name="token_indexes")
    state = plain.layer(cell, 3, return_sequences=False, name="layer_1_forward")(embedding(tokens))
    return keras.Model(tokens, keras.layers.Dense(1, activation="sigmoid", name="positive")(state))


def tokens_without_padding():
    tokens = np.random.default_rng(3).integers(1, VOCAB, (4, 6)).astype(np.int32)
    return {"token_indexes": tokens, "sequence_length": np.full(4, 6, np.int32)}


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_saved_weights_load_into_keras_own_layers(cell, tmp_path):
    from sweepkit.nn.embedding import TokenEmbedding

    model = model_of(cell)
    model.save_weights(tmp_path / "model.weights.h5")
    copy = plain_model(cell, TokenEmbedding(VOCAB, 4, name="embedding"))
    copy.load_weights(tmp_path / "model.weights.h5")
    rows = tokens_without_padding()
    np.testing.assert_allclose(copy(rows["token_indexes"]), model(rows), atol=1e-6)


def test_saved_weights_of_a_ugrnn_do_not_load_into_keras_rnn(tmp_path):
    from sweepkit.nn.embedding import TokenEmbedding

    model = model_of("ugrnn")
    model.save_weights(tmp_path / "model.weights.h5")
    copy = plain_model("ugrnn", TokenEmbedding(VOCAB, 4, name="embedding"))
    with pytest.raises(ValueError, match="could not be loaded"):
        copy.load_weights(tmp_path / "model.weights.h5")


def test_all_weights_move_into_plain_keras_by_hand(cell):
    import keras

    model = model_of(cell)
    copy = plain_model(cell, keras.layers.Embedding(VOCAB, 4, name="embedding"))
    copy.set_weights(model.get_weights())
    rows = tokens_without_padding()
    np.testing.assert_allclose(copy(rows["token_indexes"]), model(rows), atol=1e-6)
