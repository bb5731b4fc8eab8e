"""A recurrent layer over a batch: a loop over tiles forward, another one backward, and a custom gradient.

TensorFlow's automatic gradient would keep every intermediate result of every step and differentiate the loop operation
by operation. Here the forward pass keeps only the states and the tensors that `cells` saves, the backward pass is
explicit, and the gradient of the recurrent kernel is one product per tile instead of one per step.

    P = x W + b                     in `nn.recurrent`, once for each distinct token
    states = scan(P, places, U, d, tiles, step=STEPS["lstm"], only_last=True, training=True)
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import tensorflow as tf

from sweepkit.nn.scan.cells import Step, Tensor
from sweepkit.nn.scan.segment_sum import sum_rows
from sweepkit.nn.scan.tile_program import ROWS, STEPS, backward, forward, kept_shapes
from sweepkit.nn.scan.tiling import SPECS, Tiles, to_batch, to_tiles


def scan(
    projected: Tensor, places: Tensor | None, kernel: Tensor, bias: Tensor, tiles: Tiles, *,
    step: Step, only_last: bool, training: bool,
) -> Tensor:  # fmt: skip
    """Run a cell over the rows of a batch.

    Args:
        projected: <float32>[distinct, G H], x W + b of each distinct input; or of each step, [N, K, R, G H] in tiles.
        places: <int32>[N, K, R], index of each step's input in `projected`; None if `projected` has one per step.
        kernel: U <float32>[H, G H].
        bias: d <float32>[G H], of the recurrent product; only a GRU uses it.
        tiles: those of the batch.
        step: the cell.
        only_last: return only the last state of each row.
        training: keep what the backward pass needs. Without, a gradient costs a second forward pass.

    Returns:
        <float32>[batch, H] or, if not only_last, <float32>[batch, time, H]. Values after a row's end are not states,
        and no gradient flows through them.
    """
    is_distinct = places is not None
    loops = _loops(step, kernel.shape[0], is_distinct, only_last)
    # a traced function takes tensors only: an empty one stands for None
    indexes = places if places is not None else tf.zeros((0, STEPS, ROWS), tf.int32)

    @tf.custom_gradient  # type: ignore[untyped-decorator]  # TensorFlow's
    def run(projected: Tensor, kernel: Tensor, bias: Tensor) -> tuple[Tensor, Any]:
        # in eager mode, the tape of the caller would also record the loops, whose gradient XLA cannot compute
        projected, kernel, bias = (tf.stop_gradient(values) for values in (projected, kernel, bias))
        inputs = (projected, indexes, kernel, bias, tiles)
        result, *kept = (loops.forward if training else loops.infer)(*inputs)

        def gradient(upstream: Tensor) -> tuple[Tensor, Tensor, Tensor]:
            kept_states = kept if training else list(loops.forward(*inputs)[1:])
            return tuple(loops.backward(upstream, kept_states, *inputs))

        return result, gradient

    return run(projected, kernel, bias)


class _Loops(NamedTuple):
    """Functions of one kind of layer, traced once per process and called by all models."""

    forward: Any
    infer: Any
    backward: Any


@functools.cache
def _loops(step: Step, units: int, is_distinct: bool, only_last: bool) -> _Loops:
    width = step.gates * units
    shape = (None, width) if is_distinct else (None, STEPS, ROWS, width)
    inputs = [
        tf.TensorSpec(shape),
        tf.TensorSpec((None, STEPS, ROWS), tf.int32),
        tf.TensorSpec((units, width)),
        tf.TensorSpec((width,)),
        SPECS,
    ]
    upstream = tf.TensorSpec((None, units) if only_last else (None, None, units))
    kept = [tf.TensorSpec((), tf.variant) for _ in kept_shapes(step, units)]  # flows of TensorArrays, see _Loop.forward
    loop = _Loop(step, units, is_distinct, only_last)

    def traced(function: Any, *first: Any) -> Any:
        return tf.function(function, autograph=False, input_signature=[*first, *inputs]).get_concrete_function()

    return _Loops(traced(loop.forward), traced(loop.infer), traced(loop.backward, upstream, kept))


class _Loop:
    """The loops over tiles of one kind of layer. Each tile is computed by a compiled program (`tile_program`)."""

    def __init__(self, step: Step, units: int, is_distinct: bool, only_last: bool) -> None:
        self._step, self._units = step, units
        self._is_distinct, self._only_last = is_distinct, only_last
        self._forward, self._backward = forward(step, units), backward(step, units, only_last)
        self._kept = kept_shapes(step, units)

    def infer(self, projected: Tensor, places: Tensor, kernel: Tensor, bias: Tensor, tiles: Tiles) -> tuple[Tensor]:
        """Return the result; keep only the states that are the result."""
        kept = [] if self._only_last else self._kept[:1]
        result, _ = self._run(kept, projected, places, kernel, bias, tiles)
        return (result,)

    def forward(
        self, projected: Tensor, places: Tensor, kernel: Tensor, bias: Tensor, tiles: Tiles
    ) -> tuple[Tensor, ...]:
        """Return the result, and the flows of what is kept for the backward loop."""
        result, kept = self._run(self._kept, projected, places, kernel, bias, tiles)
        # a TensorArray cannot leave a traced function; its flow, a variant tensor that holds the list, can
        return (result, *(values.flow for values in kept))

    def _run(
        self, shapes: list[Any], projected: Tensor, places: Tensor, kernel: Tensor, bias: Tensor, tiles: Tiles
    ) -> tuple[Tensor, list[Any]]:
        """Loop over the tiles; `shapes` are those of the tensors to keep of each tile, the states first."""
        n_tiles = tf.size(tiles.group)
        zeros = tf.zeros((ROWS, self._units))
        is_first = tf.equal(tf.gather(tiles.first, tiles.group), tf.range(n_tiles))

        def advance(i: Tensor, h: Tensor, c: Tensor, last: Any, kept: list[Any]) -> tuple[Any, ...]:
            # h and c are those of the tile before: of the same rows, except in the first tile of a group
            h, c = (tf.where(is_first[i], zeros, state) for state in (h, c))
            x = self._inputs(projected, places, i)
            # rows are sorted by length, so the first row has the most live steps
            h, c, *of_tile = self._forward(x, kernel, bias, h, c, tiles.live[i], tiles.live[i, 0])
            kept = [values.write(i, value) for values, value in zip(kept, of_tile[: len(kept)], strict=True)]
            # each tile of a group overwrites the state of the one before, so the last tile's state remains
            return i + 1, h, c, last.write(tiles.group[i], h), kept

        last = tf.TensorArray(tf.float32, size=tf.size(tiles.first), element_shape=zeros.shape)
        kept = [tf.TensorArray(tf.float32, size=n_tiles, element_shape=shape) for shape in shapes]
        # tiles depend on each other through h, so nothing can run in parallel
        _, _, _, last, kept = tf.while_loop(
            lambda i, *_: i < n_tiles, advance, (0, zeros, zeros, last, kept), parallel_iterations=1
        )
        if self._only_last:
            return tf.gather(tf.reshape(last.stack(), (-1, self._units)), tiles.places), kept
        return to_batch(kept[0].stack(), tiles), kept

    def backward(
        self, upstream: Tensor, kept: list[Tensor], projected: Tensor, places: Tensor, kernel: Tensor, bias: Tensor,
        tiles: Tiles,
    ) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
        """Return the derivatives by `projected`, `kernel` and `bias`."""
        n_tiles, width = tf.size(tiles.group), self._step.gates * self._units
        kept_arrays = [tf.TensorArray(tf.float32, flow=flow) for flow in kept]
        zeros = tf.zeros((ROWS, self._units))
        upstream_of = self._upstream(upstream, tiles)
        is_last = tf.concat([tiles.group[1:] != tiles.group[:-1], [True]], axis=0)

        def retreat(i: Tensor, dh: Tensor, dc: Tensor, dkernel: Tensor, dbias: Tensor, dx: Any) -> tuple[Any, ...]:
            # an array rebuilt from its flow has lost the shapes of its elements, which the program requires
            kept_of_tile = tuple(
                tf.ensure_shape(values.read(i), shape) for values, shape in zip(kept_arrays, self._kept, strict=True)
            )
            dlast, dstates = upstream_of(i)
            # the loop begins with a group's last tile, where only the derivatives by the last states arrive
            dh, dc = tf.where(is_last[i], dlast, dh), tf.where(is_last[i], zeros, dc)
            n = tiles.live[i, 0]
            dh, dc, *by_step = self._backward(dstates, kernel, kept_of_tile, dh, dc, tiles.live[i], n)
            dkernel += _by_kernel(kept_of_tile[0], by_step[-1], n)
            if self._step.name == "gru":  # the only cell with a recurrent bias
                dbias += tf.reduce_sum(by_step[-1], axis=(0, 1))
            return i - 1, dh, dc, dkernel, dbias, dx.write(i, by_step[0])

        # not cleared after reading: sum_rows reads the last tile several times
        dx = tf.TensorArray(tf.float32, size=n_tiles, element_shape=(STEPS, ROWS, width), clear_after_read=False)
        start = (n_tiles - 1, zeros, zeros, tf.zeros_like(kernel), tf.zeros_like(bias), dx)
        _, _, _, dkernel, dbias, dx = tf.while_loop(lambda i, *_: i >= 0, retreat, start, parallel_iterations=1)
        if self._is_distinct:
            return sum_rows(n_tiles, dx.read, places, tf.shape(projected)[0], width), dkernel, dbias
        return dx.stack(), dkernel, dbias

    def _inputs(self, projected: Tensor, places: Tensor, i: Tensor) -> Tensor:
        """Return the projected inputs of a tile: <float>[K, R, G H]."""
        x = tf.gather(projected, places[i]) if self._is_distinct else projected[i]
        return tf.ensure_shape(x, (STEPS, ROWS, self._step.gates * self._units))

    def _upstream(self, upstream: Tensor, tiles: Tiles) -> Any:
        """Return a function of i: the derivatives by the last states of tile i's rows, and by all states of tile i."""
        if self._only_last:
            by_place = tf.reshape(tf.gather(upstream, tiles.rows), (-1, ROWS, self._units))
            no_steps = tf.zeros((0, ROWS, self._units))
            return lambda i: (tf.ensure_shape(by_place[tiles.group[i]], (ROWS, self._units)), no_steps)
        in_tiles = to_tiles(upstream, tiles)
        zeros = tf.zeros((ROWS, self._units))
        return lambda i: (zeros, tf.ensure_shape(in_tiles[i], (STEPS, ROWS, self._units)))


def _by_kernel(states: Tensor, dz: Tensor, n: Tensor) -> Tensor:
    """Sum, over n steps, the products of the state before a step and the derivatives by h U: <float>[H, G H]."""
    # one matrix product over all steps and rows; states has K + 1 steps, of which the first n are those before
    before, by_step = (tf.reshape(values[:n], (-1, values.shape[2])) for values in (states, dz))
    return tf.matmul(before, by_step, transpose_a=True)
