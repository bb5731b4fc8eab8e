"""A tile, 32 rows by 40 time steps, run forward and backward by one XLA program each.

The tile is what bounds compiling: a batch of any size and length is cut into tiles (`tiles`), so that a worker compiles
two programs for each pair of cell and units, whatever the shapes of its batches. Predicting takes the first of them too
and drops what only the second reads. Stock Keras dispatches a dozen operations for every time step; in a program the
loop over steps is compiled, with everything elementwise fused into a few passes over memory that stays in the
processor's cache.

What else it avoids: the gradient of U is one product over all steps of a tile (made by the caller, from what is
returned) instead of one a step; and no step is computed past the longest row of a tile.

With R rows and K steps, `live` <int32>[R] is how many of the steps are a row's own: past them its state stays as it
was, and its derivatives pass through. `n` <int32>[] is how many steps to compute, at least the largest of `live`.
"""

from __future__ import annotations

import functools
import logging
from typing import Any

import tensorflow as tf

from sweepkit.nn.scan.cells import Around, Step, Tensor
from sweepkit.nn.scan.xla import compiled, update_slice

logger = logging.getLogger(__name__)

# 64 rows waste more on rows of differing lengths; of the steps, 40 divide the lengths at which texts are usually cut
ROWS = 32
STEPS = 40

_LIVE, _N = tf.TensorSpec((ROWS,), tf.int32), tf.TensorSpec((), tf.int32)


@functools.cache
def forward(step: Step, units: int) -> Any:
    """Return a cell's program: the same one in every trial of a process, so that nothing is compiled twice.

    It takes x <float>[K, R, G H], U, d, h and c <float>[R, H], live and n; it gives h and c after; the states
    <float>[K + 1, R, H], of which the first is h before; an LSTM's memory likewise; and what each step saved,
    <float>[K, R, .].
    """
    width, state = step.gates * units, tf.TensorSpec((ROWS, units))
    weights = tf.TensorSpec((units, width)), tf.TensorSpec((width,))
    x = tf.TensorSpec((STEPS, ROWS, width))
    return compiled(functools.partial(_forward, step), x, *weights, state, state, _LIVE, _N)


@functools.cache
def backward(step: Step, units: int, only_last: bool) -> Any:
    """Return the program that goes back through a tile.

    It takes dstates <float>[K, R, H], or <float>[0, R, H] where only last states have derivatives; U; what the forward
    program gave from the states on; dh and dc after; live and n. It gives dh and dc before, and dx <float>[K, R, G H];
    and a GRU's drecurrent <float>[K, R, G H], which for others is dx.
    """
    width, state = step.gates * units, tf.TensorSpec((ROWS, units))
    dstates = tf.TensorSpec((0 if only_last else STEPS, ROWS, units))
    kept = tuple(tf.TensorSpec(shape) for shape in kept_shapes(step, units))
    given = dstates, tf.TensorSpec((units, width)), kept
    return compiled(functools.partial(_backward, step), *given, state, state, _LIVE, _N)


def kept_shapes(step: Step, units: int) -> list[tuple[int, int, int]]:
    """Return the shapes of what a tile keeps for its way back: states, an LSTM's memory, what its steps saved."""
    states = [(STEPS + 1, ROWS, units)] * (1 + step.has_memory)
    return [*states, *((STEPS, ROWS, size * units) for size in step.saved)]


def _forward(
    step: Step, x: Tensor, kernel: Tensor, bias: Tensor, h: Tensor, c: Tensor, live: Tensor, n: Tensor
) -> tuple[Tensor, ...]:
    units, width = kernel.shape
    logger.debug("XLA program: %s forward, %d units", step.name, units)
    n_states = 1 + step.has_memory
    kept = [tf.zeros(shape) for shape in kept_shapes(step, units)]
    kept[:n_states] = [_written(rows, 0, (state,)) for rows, state in zip(kept[:n_states], (h, c), strict=False)]

    def advance(t: Tensor, h: Tensor, c: Tensor, *kept: Tensor) -> tuple[Tensor, ...]:
        after = step.forward(_read(x, t, width), h, c, kernel, bias)
        inside = (t < live)[:, None]
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
    logger.debug("XLA program: %s backward from %s, %d units", step.name, _which(dstates), units)
    transposed = tf.transpose(kernel)
    two_sided = step.name == "gru"
    # zeros where no step is computed: what is summed by tokens are all steps of a tile
    buffers = [tf.zeros((STEPS, ROWS, width)) for _ in range(1 + two_sided)]
    (states, *memory), saved = kept[: 1 + step.has_memory], kept[1 + step.has_memory :]

    def retreat(t: Tensor, dh: Tensor, dc: Tensor, *buffers: Any) -> tuple[Tensor, ...]:
        inside = (t < live)[:, None]
        if dstates.shape[0]:
            dh = dh + tf.where(inside, _read(dstates, t, units), 0.0)
        given = Around(
            _read(states, t, units),
            _read(memory[0], t, units) if memory else None,
            _read(states, t + 1, units),
            _read(memory[0], t + 1, units) if memory else None,
            tuple(_read(values, t, units, part) for values in saved for part in range(values.shape[2] // units)),
        )
        found = step.backward(tf.where(inside, dh, 0.0), tf.where(inside, dc, 0.0) if step.has_memory else dc, given)
        derivatives = (found.x, found.recurrent)[: len(buffers)]
        buffers = tuple(_written(rows, t, gates) for rows, gates in zip(buffers, derivatives, strict=True))
        dh_before = _read(buffers[-1], t, width) @ transposed
        dh_before = dh_before if found.h is None else dh_before + found.h
        dh = tf.where(inside, dh_before, dh)
        dc = tf.where(inside, found.c, dc) if step.has_memory else dc
        return (t - 1, dh, dc, *buffers)

    _, dh, dc, *buffers = tf.while_loop(lambda t, *_: t >= 0, retreat, (n - 1, dh, dc, *buffers))
    return (dh, dc, *buffers)


def _which(dstates: Tensor) -> str:
    return "all states" if dstates.shape[0] else "last states"


def _read(values: Tensor, t: Tensor, units: int, part: int = 0) -> Tensor:
    """Return values[t][:, part units : (part + 1) units] of <float>[K, R, .], in one slice.

    Of two slices XLA would make a function of the first, which looks t up for every number that it gives: LLVM cannot
    vectorise the loops that read it, and going back through an LSTM's tile would take 1.4 times as long.
    """
    return tf.reshape(tf.slice(values, [t, 0, part * units], [1, ROWS, units]), (ROWS, units))


def _written(values: Tensor, t: Tensor, parts: tuple[Tensor, ...]) -> Tensor:
    """Return <float>[K, R, .] with step t's parts in it, each <float>[R, .] written to its place.

    Were they joined by `tf.concat` first, XLA would compute narrow ones (less than 16 KB together) inside the loop that
    joins them, which asks for each number which part it is of, and which LLVM cannot vectorise.
    """
    for i, part in enumerate(parts):
        values = update_slice(values, part[None], [t, 0, i * part.shape[1]])
    return values
