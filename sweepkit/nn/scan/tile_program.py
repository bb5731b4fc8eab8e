"""A tile, 32 rows by 40 time steps, computed forward and backward by one XLA program each.

XLA compiles once per shape. A batch of any size and length is cut into tiles (`tiling`), so that a worker compiles two
programs for each pair of cell and units, whatever the shapes of its batches. Prediction uses the forward program too
and drops what only the backward program needs. Stock Keras dispatches a dozen operations for every time step; in a
program the loop over steps is compiled, with all elementwise operations fused into a few passes over memory that stays
in the processor's cache.

The gradient of U is one product over all steps of a tile (computed by the caller from the returned derivatives) instead
of one per step, and no step is computed after the longest row of a tile.

With R rows and K steps, `live` <int32>[R] is the number of steps inside each row: after them the row's state stays
unchanged, and its derivatives pass through. `n` <int32>[] is the number of steps to compute, at least the largest
`live`.
"""

from __future__ import annotations

import functools
import logging
from typing import Any

import tensorflow as tf

from sweepkit.nn.scan.cells import Step, StepContext, Tensor
from sweepkit.nn.scan.xla import compiled, update_slice

logger = logging.getLogger(__name__)

# 64 rows waste more steps on rows of different lengths; 40 divides the lengths at which texts are usually cut. Other
# sizes: README.md
ROWS = 32
STEPS = 40

_LIVE, _N = tf.TensorSpec((ROWS,), tf.int32), tf.TensorSpec((), tf.int32)


@functools.cache
def forward(step: Step, units: int) -> Any:
    """Return a cell's forward program; cached, so that all trials of a process share one compilation.

    The program takes x <float>[K, R, G H], U, d, h and c <float>[R, H], live and n. It returns h and c after the tile;
    the states <float>[K + 1, R, H], of which the first is h before the tile; an LSTM's memory likewise; and the tensors
    saved by each step, <float>[K, R, .].
    """
    width, state = step.gates * units, tf.TensorSpec((ROWS, units))
    weights = tf.TensorSpec((units, width)), tf.TensorSpec((width,))
    x = tf.TensorSpec((STEPS, ROWS, width))
    return compiled(functools.partial(_forward, step), x, *weights, state, state, _LIVE, _N)


@functools.cache
def backward(step: Step, units: int, only_last: bool) -> Any:
    """Return a cell's backward program.

    The program takes dstates <float>[K, R, H], or <float>[0, R, H] if only last states have derivatives; U; the results
    of the forward program from the states on; dh and dc after the tile; live and n. It returns dh and dc before the
    tile, and dx <float>[K, R, G H]; and a GRU's drecurrent <float>[K, R, G H], which equals dx for other cells.
    """
    width, state = step.gates * units, tf.TensorSpec((ROWS, units))
    dstates = tf.TensorSpec((0 if only_last else STEPS, ROWS, units))
    kept = tuple(tf.TensorSpec(shape) for shape in kept_shapes(step, units))
    kernel = tf.TensorSpec((units, width))
    return compiled(functools.partial(_backward, step), dstates, kernel, kept, state, state, _LIVE, _N)


def kept_shapes(step: Step, units: int) -> list[tuple[int, int, int]]:
    """Return the shapes that a tile keeps for the backward pass: states, an LSTM's memory, tensors saved by steps."""
    states = [(STEPS + 1, ROWS, units)] * (1 + step.has_memory)
    return [*states, *((STEPS, ROWS, size * units) for size in step.saved)]


def _forward(
    step: Step, x: Tensor, kernel: Tensor, bias: Tensor, h: Tensor, c: Tensor, live: Tensor, n: Tensor
) -> tuple[Tensor, ...]:
    units, width = kernel.shape
    logger.debug("XLA program: %s forward, %d units", step.name, units)
    n_states = 1 + step.has_memory
    kept = [tf.zeros(shape) for shape in kept_shapes(step, units)]
    # states have one entry more than steps: entry 0 is the state before the tile, entry t + 1 the one after step t
    kept[:n_states] = [_written(rows, 0, (state,)) for rows, state in zip(kept[:n_states], (h, c), strict=False)]

    def advance(t: Tensor, h: Tensor, c: Tensor, *kept: Tensor) -> tuple[Tensor, ...]:
        after = step.forward(_read(x, t, width), h, c, kernel, bias)
        inside = (t < live)[:, None]  # a row that has ended keeps its state
        h = tf.where(inside, after.h, h)
        c = tf.where(inside, after.c, c) if step.has_memory else c
        states = [_written(rows, t + 1, (state,)) for rows, state in zip(kept[:n_states], (h, c), strict=False)]
        saved = [_written(rows, t, (values,)) for rows, values in zip(kept[n_states:], after.saved, strict=True)]
        return (t + 1, h, c, *states, *saved)

    _, h, c, *kept = tf.while_loop(lambda t, *_: t < n, advance, (0, h, c, *kept))
    return (h, c, *kept)


def _backward(
    step: Step, dstates: Tensor, kernel: Tensor, kept: tuple[Tensor, ...],
    dh: Tensor, dc: Tensor, live: Tensor, n: Tensor,
) -> tuple[Tensor, ...]:  # fmt: skip
    units, width = kernel.shape
    logger.debug(
        "XLA program: %s backward from %s, %d units",
        step.name,
        "all states" if dstates.shape[0] else "last states",
        units,
    )
    transposed = tf.transpose(kernel)
    is_two_sided = step.name == "gru"  # derivatives by x and by h U differ
    # zeros for the steps that are not computed, because sum_rows adds all steps of a tile
    buffers = [tf.zeros((STEPS, ROWS, width)) for _ in range(1 + is_two_sided)]
    (states, *memory), saved = kept[: 1 + step.has_memory], kept[1 + step.has_memory :]

    def retreat(t: Tensor, dh: Tensor, dc: Tensor, *buffers: Any) -> tuple[Tensor, ...]:
        inside = (t < live)[:, None]
        if dstates.shape[0]:
            dh = dh + tf.where(inside, _read(dstates, t, units), 0.0)
        context = StepContext(
            _read(states, t, units),
            _read(memory[0], t, units) if memory else None,
            _read(states, t + 1, units),
            _read(memory[0], t + 1, units) if memory else None,
            tuple(_read(values, t, units, part) for values in saved for part in range(values.shape[2] // units)),
        )
        # zero for rows that have ended, so that their steps add nothing to the gradients of the weights
        dc_inside = tf.where(inside, dc, 0.0) if step.has_memory else dc
        before = step.backward(tf.where(inside, dh, 0.0), dc_inside, context)
        derivatives = (before.x, before.recurrent)[: len(buffers)]
        buffers = tuple(_written(rows, t, gates) for rows, gates in zip(buffers, derivatives, strict=True))
        dh_before = _read(buffers[-1], t, width) @ transposed
        dh_before = dh_before if before.h is None else dh_before + before.h
        dh = tf.where(inside, dh_before, dh)
        dc = tf.where(inside, before.c, dc) if step.has_memory else dc
        return (t - 1, dh, dc, *buffers)

    _, dh, dc, *buffers = tf.while_loop(lambda t, *_: t >= 0, retreat, (n - 1, dh, dc, *buffers))
    return (dh, dc, *buffers)


def _read(values: Tensor, t: Tensor, units: int, part: int = 0) -> Tensor:
    """Return values[t][:, part units : (part + 1) units] of <float>[K, R, .], in one slice.

    From two slices XLA makes a function that looks t up for every number. LLVM cannot vectorise the loops that call
    such a function, and the backward pass through an LSTM's tile takes 1.4 times as long.
    """
    return tf.reshape(tf.slice(values, [t, 0, part * units], [1, ROWS, units]), (ROWS, units))


def _written(values: Tensor, t: Tensor, parts: tuple[Tensor, ...]) -> Tensor:
    """Return <float>[K, R, .] with the parts of step t, each <float>[R, .], written side by side.

    If the parts were joined by `tf.concat` first, XLA would compute narrow ones (less than 16 KB together) inside the
    loop that joins them. That loop tests for each number which part it belongs to, and LLVM cannot vectorise it.
    """
    for i, part in enumerate(parts):
        values = update_slice(values, part[None], [t, 0, i * part.shape[1]])
    return values
