"""One step of each cell, forward and backward, against its equations and their finite differences in float64."""

import numpy as np
import pytest

from tests.support.nn.equations import GATES
from tests.support.nn.equations import STEPS as EQUATIONS

pytestmark = pytest.mark.tf

ROWS, UNITS = 4, 3


@pytest.fixture(params=list(EQUATIONS))
def cell(request):
    return request.param


@pytest.fixture
def inputs(cell):
    """The inputs of a step: x, h, c, U and d, of which only a GRU reads the last."""
    rng = np.random.default_rng(1)
    width = GATES[cell] * UNITS
    shapes = {"x": (ROWS, width), "h": (ROWS, UNITS), "c": (ROWS, UNITS), "kernel": (UNITS, width), "bias": (width,)}
    return {name: rng.normal(size=shape) for name, shape in shapes.items()}


def equations(cell, x, h, c, kernel, bias):
    width = x.shape[1]
    # x is projected already, so the input kernel is the identity
    biases = (np.zeros(width), bias) if cell == "gru" else np.zeros(width)
    return EQUATIONS[cell](x, (h, c), (np.eye(width), kernel, biases))


def forward(cell, inputs):
    import tensorflow as tf

    from sweepkit.nn.scan.cells import STEPS

    return STEPS[cell].forward(*(tf.constant(value, tf.float32) for value in inputs.values()))


def backward(cell, inputs, dh, dc):
    """Return the derivatives by each input of a step, combined as in the scan."""
    import tensorflow as tf

    from sweepkit.nn.scan.cells import STEPS, StepContext

    x, h, c, kernel, bias = (tf.constant(value, tf.float32) for value in inputs.values())
    after = STEPS[cell].forward(x, h, c, kernel, bias)
    saved = [part for values in after.saved for part in tf.split(values, values.shape[1] // UNITS, axis=1)]
    context = StepContext(h, c, after.h, after.c, saved)
    before = STEPS[cell].backward(tf.constant(dh, tf.float32), tf.constant(dc, tf.float32), context)
    recurrent = tf.concat(before.recurrent, axis=1)
    through = tf.matmul(recurrent, kernel, transpose_b=True)
    return {
        "x": tf.concat(before.x, axis=1),
        "h": through if before.h is None else through + before.h,
        "c": before.c,
        "kernel": tf.matmul(h, recurrent, transpose_a=True),
        "bias": tf.reduce_sum(recurrent, axis=0) if cell == "gru" else tf.zeros_like(bias),
    }


def slopes(function, values):
    """Central differences of a number by each of an array's elements."""
    differences = np.zeros_like(values)
    for place in np.ndindex(values.shape):
        moved = {sign: values.copy() for sign in (1, -1)}
        for sign, copy in moved.items():
            copy[place] += sign * 1e-6
        differences[place] = (function(moved[1]) - function(moved[-1])) / 2e-6
    return differences


def test_a_step_follows_the_equations(cell, inputs):
    after = forward(cell, inputs)
    h, c = equations(cell, **inputs)
    np.testing.assert_allclose(after.h, h, atol=1e-6)
    np.testing.assert_allclose(after.c, c, atol=1e-6)


def test_saved_tensors_have_the_declared_widths(cell, inputs):
    from sweepkit.nn.scan.cells import STEPS

    step = STEPS[cell]
    assert [values.shape[1] for values in forward(cell, inputs).saved] == [width * UNITS for width in step.saved]
    assert (step.gates, step.has_memory) == (GATES[cell], cell == "lstm")


def test_a_backward_step_has_the_slopes_of_the_equations(cell, inputs):
    rng = np.random.default_rng(2)
    dh, dc = rng.normal(size=(2, ROWS, UNITS))
    derivatives = backward(cell, inputs, dh, dc)

    def loss(changed):
        h, c = equations(cell, **{**inputs, **changed})
        return (dh * h).sum() + (dc * c).sum()

    for name, values in inputs.items():
        expected = slopes(lambda moved, name=name: loss({name: moved}), values)
        np.testing.assert_allclose(derivatives[name], expected, rtol=1e-5, atol=3e-6, err_msg=name)


def test_saturated_gates_have_zero_derivatives_and_finite_values(cell, inputs):
    inputs["x"] = np.sign(inputs["x"]) * 1e4
    after, derivatives = forward(cell, inputs), backward(cell, inputs, np.ones((ROWS, UNITS)), np.ones((ROWS, UNITS)))
    h, _ = equations(cell, **{**inputs, "x": np.clip(inputs["x"], -500, 500)})
    np.testing.assert_allclose(after.h, h, atol=1e-6)
    np.testing.assert_allclose(derivatives["x"], np.zeros_like(inputs["x"]), atol=1e-6)
    assert all(np.isfinite(values).all() for values in derivatives.values())
