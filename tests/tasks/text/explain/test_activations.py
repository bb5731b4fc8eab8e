"""The states that a cell is stepped through are those of its layer, and an LSTM's memory is what its equations say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sweepkit.errors import InputError
from tests.support.bundles import VOCABULARY, PreparedWords

pytestmark = pytest.mark.tf

ROW = np.array([5, 9, 1, 7, 30, 12, 2], np.int32)
POINT = {
    **{"units": 5, "layers": 2, "bidirectional": True, "pooling": "mean", "embedding": "scratch", "embedding_dim": 4},
    **{"dropout": 0.3, "optimizer": "adam", "learning_rate": 1e-3},
}
CELLS = {"lstm": "LSTM", "gru": "GRU", "rnn": "SimpleRNN", "ugrnn": "UGRNN"}


def with_random_weights(network: Any) -> Any:
    rng = np.random.default_rng(4)
    network.set_weights([rng.normal(scale=0.7, size=weight.shape) for weight in network.get_weights()])
    return network


@pytest.fixture(scope="module", params=CELLS)
def cell(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def network(cell: str) -> Any:
    from imdb import model

    return with_random_weights(model.build({**POINT, "cell": cell}, PreparedWords()))


def outputs_of(network: Any, name: str, row: np.ndarray = ROW) -> np.ndarray:
    """What a layer itself gives for one row: <float32>[time, features]."""
    import keras

    part = keras.Model(network.input, network.get_layer(name).output)
    inputs = {"token_indexes": row[None], "sequence_length": np.array([len(row)], np.int32)}
    return np.asarray(part(inputs, training=False))[0]


def test_every_layer_and_direction_is_found(network: Any, cell: str) -> None:
    from sweepkit.tasks.text.explain.activations import scans

    found = scans(network)
    assert {(scan.name, scan.number, scan.direction) for scan in found} == {
        ("layer_1_forward", 1, "forward"),
        ("layer_1_backward", 1, "backward"),
        ("layer_2_forward", 2, "forward"),
        ("layer_2_backward", 2, "backward"),
    }
    assert {scan.cell for scan in found} == {CELLS[cell]}
    assert {scan.has_memory for scan in found} == {cell == "lstm"}


def test_the_outputs_are_those_of_the_layer_in_the_order_of_the_text(network: Any) -> None:
    from sweepkit.tasks.text.explain.activations import scans, states

    for scan in scans(network):
        of_layer = outputs_of(network, scan.name)
        in_order = of_layer[::-1] if scan.direction == "backward" else of_layer
        np.testing.assert_allclose(states(network, scan, ROW)[0], in_order, atol=1e-5)


def test_what_is_remembered_is_tanh_of_the_memory_for_an_lstm_and_the_state_for_others(network: Any, cell: str) -> None:
    from sweepkit.tasks.text.explain.activations import scans, states, trace

    scan = scans(network)[0]
    found = states(network, scan, ROW)
    assert len(found) == (2 if cell == "lstm" else 1)
    expected = np.tanh(found[1]) if cell == "lstm" else found[0]
    remembered = trace(network, scan, ROW)
    np.testing.assert_array_equal(remembered, expected)
    assert remembered.shape == (len(ROW), POINT["units"])
    assert np.abs(remembered).max() <= 1


def lstm_memory(inputs: np.ndarray, layer: Any) -> np.ndarray:
    """The memory c after each step, from the equations alone."""
    kernel, recurrent, bias = layer.get_weights()
    h = c = np.zeros(recurrent.shape[0])
    memory = []
    for x in inputs.astype(np.float64):
        i, f, g, o = np.split(x @ kernel + h @ recurrent + bias, 4)
        c = c / (1 + np.exp(-f)) + np.tanh(g) / (1 + np.exp(-i))
        h = np.tanh(c) / (1 + np.exp(-o))
        memory.append(c)
    return np.array(memory)


@pytest.mark.parametrize("direction", ["forward", "backward"])
@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("cell", ["lstm"], indirect=True)
def test_the_memory_follows_the_equations(network: Any, number: int, direction: Any) -> None:
    from sweepkit.tasks.text.explain.activations import choose, trace

    scan = choose(network, number, direction)
    assert scan is not None
    inputs = network.get_layer("embedding").get_weights()[0][ROW]
    if number == 2:
        below = outputs_of(network, "layer_1_forward"), outputs_of(network, "layer_1_backward")[::-1]
        inputs = np.concatenate(below, axis=1)
    turn = slice(None, None, -1 if direction == "backward" else 1)
    expected = np.tanh(lstm_memory(inputs[turn], scan.layer))[turn]
    np.testing.assert_allclose(trace(network, scan, ROW), expected, atol=1e-5)


@pytest.mark.parametrize("cell", ["gru"], indirect=True)
def test_the_top_layer_is_chosen_unless_another_is_named(network: Any) -> None:
    from sweepkit.tasks.text.explain.activations import choose

    assert choose(network).name == "layer_2_forward"
    assert choose(network, direction="backward").name == "layer_2_backward"
    assert choose(network, 1).name == "layer_1_forward"


@pytest.mark.parametrize("cell", ["gru"], indirect=True)
@pytest.mark.parametrize("number", [0, 3, -1])
def test_a_layer_that_is_not_there_is_refused(network: Any, number: int) -> None:
    from sweepkit.tasks.text.explain.activations import choose

    with pytest.raises(InputError, match=rf"--layer: a recurrent layer must be in 1 to 2, got {number}"):
        choose(network, number)


def inputs() -> tuple[Any, Any, Any]:
    """The inputs of a network by hand, and its vectors."""
    import keras

    tokens = keras.Input((None,), dtype="int32", name="token_indexes")
    lengths = keras.Input((), dtype="int32", name="sequence_length")
    return tokens, lengths, keras.layers.Embedding(len(VOCABULARY), 4)(tokens)


def network_of(layers: Any) -> Any:
    """A network of Keras' own layers; `layers` makes a vector of each row from its vectors."""
    import keras

    tokens, lengths, vectors = inputs()
    answer = keras.layers.Dense(1, activation="sigmoid")(layers(vectors))
    return with_random_weights(keras.Model({"token_indexes": tokens, "sequence_length": lengths}, answer))


def test_a_model_that_reads_forwards_only_has_no_backward_direction() -> None:
    import keras

    from sweepkit.tasks.text.explain.activations import choose

    network = network_of(keras.layers.LSTM(3))
    with pytest.raises(InputError, match="--direction: recurrent layer 1 reads forward only, got 'backward'"):
        choose(network, 1, "backward")


def test_a_model_without_a_recurrent_layer_has_nothing_to_choose() -> None:
    import keras

    from sweepkit.tasks.text.explain.activations import choose

    assert choose(network_of(keras.layers.GlobalAveragePooling1D()), 7, "backward") is None


def test_a_layer_that_goes_backwards_by_itself_is_drawn_in_the_order_of_the_text() -> None:
    import keras

    from sweepkit.tasks.text.explain.activations import scans, states

    network = network_of(keras.layers.GRU(3, go_backwards=True, name="turning"))
    (scan,) = scans(network)
    assert (scan.direction, scan.reverses) == ("backward", True)
    # the layer's one output is its last step, which is the first token
    np.testing.assert_allclose(states(network, scan, ROW)[0][0], outputs_of(network, "turning"), atol=1e-5)


def test_both_directions_of_a_bidirectional_wrapper_are_found() -> None:
    import keras

    from sweepkit.tasks.text.explain.activations import scans, states

    wrapper = keras.layers.Bidirectional(keras.layers.LSTM(3, return_sequences=True), name="both")

    def layers(vectors: Any) -> Any:
        return keras.layers.GlobalMaxPooling1D()(keras.layers.LSTM(2, return_sequences=True)(wrapper(vectors)))

    network = network_of(layers)
    found = scans(network)
    assert [(scan.number, scan.direction) for scan in found] == [(1, "forward"), (1, "backward"), (2, "forward")]
    stepped = [states(network, scan, ROW)[0] for scan in found[:2]]
    np.testing.assert_allclose(np.concatenate(stepped, axis=1), outputs_of(network, "both"), atol=1e-5)


def test_a_layer_inside_another_is_refused_and_not_passed_over() -> None:
    import keras

    from sweepkit.tasks.text.explain.activations import scans

    inner = keras.Sequential([keras.Input((None, 4)), keras.layers.GRU(3, name="hidden")])
    with pytest.raises(InputError, match="'hidden' must be in the model's own graph"):
        scans(network_of(inner))


def test_a_layer_that_is_given_its_first_state_is_refused() -> None:
    import keras

    from sweepkit.tasks.text.explain.activations import scans

    def layers(vectors: Any) -> Any:
        _, state = keras.layers.GRU(3, return_state=True)(vectors)
        return keras.layers.GRU(3, name="going_on")(vectors, initial_state=state)

    with pytest.raises(InputError, match="'going_on' must start from zeros"):
        scans(network_of(layers))


def test_a_layer_that_is_called_twice_is_refused() -> None:
    import keras

    from sweepkit.tasks.text.explain.activations import scans

    shared = keras.layers.GRU(4, return_sequences=True, name="shared")
    with pytest.raises(InputError, match="'shared' must be called once"):
        scans(network_of(lambda vectors: keras.layers.GlobalMaxPooling1D()(shared(shared(vectors)))))


def test_cells_on_each_other_in_one_layer_are_refused() -> None:
    import keras

    from sweepkit.tasks.text.explain.activations import scans

    stack = keras.layers.RNN([keras.layers.GRUCell(3), keras.layers.GRUCell(2)], name="stack")
    with pytest.raises(InputError, match="'stack' must have one cell"):
        scans(network_of(stack))
