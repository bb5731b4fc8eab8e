"""A recurrent layer over a batch: tile after tile forward, then backward, with a gradient of its own.

TensorFlow's automatic gradient would keep every intermediate result of every step and undo the loop operation by
operation. Here the forward pass keeps what `steps` names, the backward pass is written out, and the gradient of the
recurrent kernel is one product a tile, not one a step.

    P = x W + b                     outside, once for each distinct token (`recurrent`)
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
    """Run a cell over a batch's rows.

    Args:
        projected: <float32>[distinct, G H], x W + b of each distinct input; or of each step, [N, K, R, G H] in tiles.
        places: <int32>[N, K, R], which of the distinct inputs each step reads; None where there is one for each.
        kernel: U <float32>[H, G H].
        bias: d <float32>[G H], of the recurrent product; only a GRU's is read.
        tiles: the batch's.
        only_last: return each row's last state only.
        training: keep what the backward pass reads. Without, a gradient can be had too, for a second forward pass.

    Returns:
        <float32>[batch, H] or, if not only_last, <float32>[batch, time, H]: what stands past a row's end is no state,
        and no gradient comes back from there.
    """
    is_distinct = places is not None
    loops = _loops(step, kernel.shape[0], is_distinct, only_last)
    read = places if places is not None else tf.zeros((0, STEPS, ROWS), tf.int32)

    @tf.custom_gradient  # type: ignore[untyped-decorator]  # TensorFlow's
    def run(projected: Tensor, kernel: Tensor, bias: Tensor) -> tuple[Tensor, Any]:
        # run eagerly, a tape would differentiate the loops as well, which XLA refuses, were it not kept from these
        projected, kernel, bias = (tf.stop_gradient(values) for values in (projected, kernel, bias))
        inputs = (projected, read, kernel, bias, tiles)
        result, *kept = (loops.forward if training else loops.infer)(*inputs)

        def gradient(upstream: Tensor) -> tuple[Tensor, Tensor, Tensor]:
            known = kept if training else list(loops.forward(*inputs)[1:])
            return tuple(loops.backward(upstream, known, *inputs))

        return result, gradient

    return run(projected, kernel, bias)


class _Loops(NamedTuple):
    """Traced once for a process, and called by every model with such a layer."""

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
    kept = [tf.TensorSpec((), tf.variant) for _ in kept_shapes(step, units)]
    loop = _Loop(step, units, is_distinct, only_last)

    def traced(function: Any, *first: Any) -> Any:
        return tf.function(function, autograph=False, input_signature=[*first, *inputs]).get_concrete_function()

    return _Loops(traced(loop.forward), traced(loop.infer), traced(loop.backward, upstream, kept))


class _Loop:
    """The loops over tiles of one kind of layer."""

    def __init__(self, step: Step, units: int, is_distinct: bool, only_last: bool) -> None:
        self._step, self._units = step, units
        self._is_distinct, self._only_last = is_distinct, only_last
        self._forward, self._backward = forward(step, units), backward(step, units, only_last)
        self._kept = kept_shapes(step, units)

    def infer(self, projected: Tensor, places: Tensor, kernel: Tensor, bias: Tensor, tiles: Tiles) -> tuple[Tensor]:
        # predicting keeps all states, which come first, or nothing
        kept = [] if self._only_last else self._kept[:1]
        result, _ = self._run(kept, projected, places, kernel, bias, tiles)
        return (result,)

    def forward(
        self, projected: Tensor, places: Tensor, kernel: Tensor, bias: Tensor, tiles: Tiles
    ) -> tuple[Tensor, ...]:
        result, kept = self._run(self._kept, projected, places, kernel, bias, tiles)
        return (result, *(values.flow for values in kept))

    def _run(
        self, shapes: list[Any], projected: Tensor, places: Tensor, kernel: Tensor, bias: Tensor, tiles: Tiles
    ) -> tuple[Tensor, list[Any]]:
        n_tiles = tf.size(tiles.group)
        zeros = tf.zeros((ROWS, self._units))
        is_first = tf.equal(tf.gather(tiles.first, tiles.group), tf.range(n_tiles))

        def advance(i: Tensor, h: Tensor, c: Tensor, last: Any, kept: list[Any]) -> tuple[Any, ...]:
            h, c = (tf.where(is_first[i], zeros, state) for state in (h, c))
            x = self._inputs(projected, places, i)
            h, c, *found = self._forward(x, kernel, bias, h, c, tiles.live[i], tiles.live[i, 0])
            kept = [values.write(i, value) for values, value in zip(kept, found[: len(kept)], strict=True)]
            return i + 1, h, c, last.write(tiles.group[i], h), kept

        last = tf.TensorArray(tf.float32, size=tf.size(tiles.first), element_shape=zeros.shape)
        kept = [tf.TensorArray(tf.float32, size=n_tiles, element_shape=shape) for shape in shapes]
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
        known = [tf.TensorArray(tf.float32, flow=flow) for flow in kept]
        zeros = tf.zeros((ROWS, self._units))
        of_tile = self._upstream(upstream, tiles)
        is_last = tf.concat([tiles.group[1:] != tiles.group[:-1], [True]], axis=0)

        def retreat(i: Tensor, dh: Tensor, dc: Tensor, dkernel: Tensor, dbias: Tensor, dx: Any) -> tuple[Any, ...]:
            of_steps = [tf.ensure_shape(values.read(i), shape) for values, shape in zip(known, self._kept, strict=True)]
            dlast, dstates = of_tile(i)
            dh, dc = tf.where(is_last[i], dlast, dh), tf.where(is_last[i], zeros, dc)
            n = tiles.live[i, 0]
            dh, dc, *by_step = self._backward(dstates, kernel, tuple(of_steps), dh, dc, tiles.live[i], n)
            dkernel += _by_kernel(of_steps[0], by_step[-1], n)
            if self._step.name == "gru":
                dbias += tf.reduce_sum(by_step[-1], axis=(0, 1))
            return i - 1, dh, dc, dkernel, dbias, dx.write(i, by_step[0])

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
        """Return what gives tile i its derivatives: by its rows' last states, and by all of its states."""
        if self._only_last:
            by_place = tf.reshape(tf.gather(upstream, tiles.rows), (-1, ROWS, self._units))
            none = tf.zeros((0, ROWS, self._units))
            return lambda i: (tf.ensure_shape(by_place[tiles.group[i]], (ROWS, self._units)), none)
        in_tiles = to_tiles(upstream, tiles)
        zeros = tf.zeros((ROWS, self._units))
        return lambda i: (zeros, tf.ensure_shape(in_tiles[i], (STEPS, ROWS, self._units)))


def _by_kernel(states: Tensor, dz: Tensor, n: Tensor) -> Tensor:
    """Sum n steps' outer products of the states before each with the derivatives by U's product: <float>[H, G H]."""
    before, by_step = (tf.reshape(values[:n], (-1, values.shape[2])) for values in (states, dz))
    return tf.matmul(before, by_step, transpose_a=True)
