"""Each cell's equations, recomputed here in NumPy from the same weights."""

import numpy as np
import pytest

from tests.support.nn.equations import STEPS, states_of

pytestmark = pytest.mark.tf

UNITS, FEATURES = 3, 4


@pytest.fixture(params=list(STEPS))
def cell(request):
    return request.param


@pytest.fixture
def layer(cell):
    """The recurrent layer, with every weight (biases too) random."""
    from sweepkit.nn.encoder import CELLS

    layer = CELLS[cell](UNITS)
    layer.build((None, None, FEATURES))
    rng = np.random.default_rng(1)
    layer.set_weights([rng.normal(size=weight.shape) for weight in layer.get_weights()])
    return layer


@pytest.fixture
def rows():
    return np.random.default_rng(2).normal(size=(2, 5, FEATURES)).astype(np.float32)


def test_eager_states_follow_the_equations(cell, layer, rows):
    expected = states_of(cell, rows.astype(np.float64), layer.get_weights())
    np.testing.assert_allclose(layer(rows), expected, atol=2e-6)


def test_states_in_a_function_follow_the_equations(cell, layer, rows):
    import tensorflow as tf

    expected = states_of(cell, rows.astype(np.float64), layer.get_weights())
    np.testing.assert_allclose(tf.function(layer)(tf.constant(rows)), expected, atol=2e-6)


def test_a_function_takes_rows_of_another_length_without_a_new_trace(cell, layer, rows):
    import tensorflow as tf

    function = tf.function(layer, input_signature=[tf.TensorSpec((None, None, FEATURES))])
    longer = np.concatenate([rows, rows], axis=1)
    expected = states_of(cell, longer.astype(np.float64), layer.get_weights())
    function(tf.constant(rows))
    np.testing.assert_allclose(function(tf.constant(longer)), expected, atol=5e-6)
    assert function.experimental_get_tracing_count() == 1


def test_gradients_follow_the_equations(cell, layer, rows):
    import tensorflow as tf

    with tf.GradientTape() as tape:
        total = tf.reduce_sum(layer(rows)[:, -1])
    weights = [np.array(weight, np.float64) for weight in layer.get_weights()]
    for number, gradient in enumerate(tape.gradient(total, [weight.value for weight in layer.weights])):
        place = (0,) * weights[number].ndim
        slope = 0.0
        for sign in (1, -1):
            moved = [weight.copy() for weight in weights]
            moved[number][place] += sign * 1e-5
            slope += sign * states_of(cell, rows.astype(np.float64), moved)[:, -1].sum() / 2e-5
        assert gradient.numpy()[place] == pytest.approx(slope, rel=1e-3, abs=1e-5)


def test_lstm_starts_with_open_forget_gates():
    from sweepkit.nn.encoder import CELLS

    layer = CELLS["lstm"](2)
    layer.build((None, None, FEATURES))
    assert layer.get_weights()[2].tolist() == [0, 0, 1, 1, 0, 0, 0, 0]


def test_ugrnn_starts_its_gate_at_the_gate_bias_and_its_candidate_at_zero():
    from sweepkit.nn.ugrnn import UGRNNCell

    cell = UGRNNCell(2, gate_bias=1.5)
    cell.build((None, FEATURES))
    assert cell.get_weights()[2].tolist() == [0, 0, 1.5, 1.5]


def test_ugrnn_with_an_open_gate_keeps_its_state():
    from sweepkit.nn.ugrnn import UGRNNCell

    cell = UGRNNCell(2, gate_bias=100.0)
    state = np.array([[0.25, -0.5]], np.float32)
    output, states = cell(np.ones((1, FEATURES), np.float32), [state])
    np.testing.assert_allclose(output, state, rtol=1e-6)
    np.testing.assert_allclose(states[0], state, rtol=1e-6)


def test_ugrnn_survives_its_configuration():
    import keras

    from sweepkit.nn.ugrnn import UGRNNCell

    layer = keras.layers.RNN(UGRNNCell(7, gate_bias=0.5))
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert (copy.cell.units, copy.cell.gate_bias) == (7, 0.5)
