"""A tile, 32 rows by 32 time steps, run forward and backward by one XLA program each.

The tile is what bounds compiling: a batch of any size and length is cut into tiles (`tiles`), so that a worker compiles
two programs for each pair of cell and units, and a third for predicting, whatever the shapes of its batches. Stock
Keras dispatches a dozen operations for every time step; in a program the loop over steps is compiled, with everything
elementwise fused into a few passes over memory that stays in the processor's cache.

What else it avoids: the gradient of U is one product over all steps of a tile (made by the caller, from what is
returned) instead of one a step; and no step is computed past the longest row of a tile.
"""

from __future__ import annotations

import functools
import logging
from typing import Any, NamedTuple

import tensorflow as tf

from sweepkit.nn.steps import Before, Step, Tensor

logger = logging.getLogger(__name__)

# the best of 32 or 64 rows by 16, 32 or 64 steps, by little: a larger tile wastes more on rows of differing lengths
ROWS = 32
STEPS = 32


class Programs(NamedTuple):
    """The compiled functions of one cell.

    With R rows and K steps, `live` <int32>[R] is how many of the steps are a row's own: past them its state stays as it
    was, and its derivatives pass through. `n` <int32>[] is how many steps to compute, at least the largest of `live`.

    Attributes:
        forward: (x <float>[K, R, G H], U, d, h, c, live, n) -> (h, c after; states <float>[K, R, H]; *saved [K, R, .]).
        infer: the same without what only `backward` reads: (h, c, states).
        backward: (dstates <float>[K, R, H], U, h, c before; states, saved, dh, dc after; live, n) -> (dh, dc
            before; dx <float>[K, R, G H]; and a GRU's drecurrent [K, R, G H], which for others is dx).
        backward_from_last: the same where only last states have derivatives: dstates is <float>[0, R, H].
    """

    forward: Any
    infer: Any
    backward: Any
    backward_from_last: Any


@functools.cache
def programs(step: Step, units: int) -> Programs:
    """Return the programs of a cell; the same ones in every trial of a process, so that nothing is compiled twice."""
    width = step.gates * units
    by_row, by_step = tf.TensorSpec((ROWS, units)), tf.TensorSpec((STEPS, ROWS, units))
    kernel, live, n = tf.TensorSpec((units, width)), tf.TensorSpec((ROWS,), tf.int32), tf.TensorSpec((), tf.int32)
    inputs = (tf.TensorSpec((STEPS, ROWS, width)), kernel, tf.TensorSpec((width,)), by_row, by_row, live, n)
    saved = tuple(tf.TensorSpec((STEPS, ROWS, size * units)) for size in step.saved)

    def backward(dstates: Any) -> Any:
        function = functools.partial(_backward, step)
        return _compiled(function, dstates, kernel, by_row, by_row, by_step, saved, by_row, by_row, live, n)

    return Programs(
        forward=_compiled(functools.partial(_forward, step, step.saved), *inputs),
        infer=_compiled(functools.partial(_forward, step, ()), *inputs),
        backward=backward(by_step),
        backward_from_last=backward(tf.TensorSpec((0, ROWS, units))),
    )


def _compiled(function: Any, *inputs: Any) -> Any:
    """Trace a function for these inputs; XLA compiles it at the first call."""
    return tf.function(function, jit_compile=True, autograph=False, input_signature=inputs).get_concrete_function()


def _forward(
    step: Step, saved: tuple[int, ...], x: Tensor, kernel: Tensor, bias: Tensor, h: Tensor, c: Tensor, live: Tensor,
    n: Tensor,
) -> tuple[Tensor, ...]:  # fmt: skip
    units = kernel.shape[0]
    logger.debug("XLA program: %s forward, %d units, saves %s", step.name, units, saved)
    buffers = [_buffer(units), *(_buffer(width * units) for width in saved)]

    def advance(t: Tensor, h: Tensor, c: Tensor, *buffers: Any) -> tuple[Tensor, ...]:
        after = step.forward(x[t], h, c, kernel, bias)
        inside = (t < live)[:, None]
        h = tf.where(inside, after.h, h)
        c = tf.where(inside, after.c, c) if step.has_memory else c
        values = (h, *after.saved)[: len(buffers)]
        return (t + 1, h, c, *(buffer.write(t, value) for buffer, value in zip(buffers, values, strict=True)))

    _, h, c, *buffers = tf.while_loop(lambda t, *_: t < n, advance, (0, h, c, *buffers))
    return (h, c, *(buffer.stack() for buffer in buffers))


def _backward(
    step: Step, dstates: Tensor, kernel: Tensor, h: Tensor, c: Tensor, states: Tensor, saved: tuple[Tensor, ...],
    dh: Tensor, dc: Tensor, live: Tensor, n: Tensor,
) -> tuple[Tensor, ...]:  # fmt: skip
    units, width = kernel.shape
    logger.debug("XLA program: %s backward, %d units", step.name, units)
    transposed = tf.transpose(kernel)
    two_sided = step.name == "gru"
    buffers = [_buffer(width) for _ in range(1 + two_sided)]

    def before(values: Tensor, first: Tensor, t: Tensor) -> Tensor:
        return tf.where(t > 0, values[tf.maximum(t - 1, 0)], first)

    def retreat(t: Tensor, dh: Tensor, dc: Tensor, *buffers: Any) -> tuple[Tensor, ...]:
        inside = (t < live)[:, None]
        if dstates.shape[0]:
            dh = dh + tf.where(inside, dstates[t], 0.0)
        given = Before(
            before(states, h, t),
            before(saved[1], c, t) if step.has_memory else c,
            states[t],
            tuple(values[t] for values in saved),
        )
        found = step.backward(tf.where(inside, dh, 0.0), tf.where(inside, dc, 0.0) if step.has_memory else dc, given)
        dh_before = found.recurrent @ transposed
        dh_before = dh_before if found.h is None else dh_before + found.h
        dh = tf.where(inside, dh_before, dh)
        dc = tf.where(inside, found.c, dc) if step.has_memory else dc
        values = (found.x, found.recurrent)[: len(buffers)]
        return (t - 1, dh, dc, *(buffer.write(t, value) for buffer, value in zip(buffers, values, strict=True)))

    _, dh, dc, *buffers = tf.while_loop(lambda t, *_: t >= 0, retreat, (n - 1, dh, dc, *buffers))
    return (dh, dc, *(buffer.stack() for buffer in buffers))


def _buffer(width: int) -> Any:
    """Room for one <float>[R, width] a step; zeros where no step is computed."""
    return tf.TensorArray(tf.float32, size=STEPS, element_shape=(ROWS, width))
