"""Cut a padded batch into tiles of 32 rows by 40 time steps.

Rows are sorted by length, longest first, and 32 of them make a group. A group has as many tiles, one after the other in
time, as its longest row needs; no tile is computed for padding beyond that. The last group is filled up with rows of
length zero.

    tiles = cut(lengths, tf.shape(token_indexes)[1])
"""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from sweepkit.nn.scan.cells import Tensor
from sweepkit.nn.scan.tile_program import ROWS, STEPS


class Tiles(NamedTuple):
    """N tiles of R rows and K steps, of a batch of B rows and T steps.

    Attributes:
        rows: <int32>[groups R], row of the batch at each place of the sorted order; places that fill up the last group
            refer to row 0.
        places: <int32>[B], place of each row in the sorted order.
        group: <int32>[N], group of each tile, ascending.
        first: <int32>[groups], first tile of each group.
        live: <int32>[N, R], number of steps of the tile inside each row, in [0, K].
        source: <int32>[N, K, R], index of each step of a tile among the B T steps of the batch; arbitrary for steps
            after a row's end.
        lengths: <int32>[B], those of the rows.
        time: <int32>[], T.
    """

    rows: Tensor
    places: Tensor
    group: Tensor
    first: Tensor
    live: Tensor
    source: Tensor
    lengths: Tensor
    time: Tensor


_INDEXES = tf.TensorSpec((None,), tf.int32)
SPECS = Tiles(
    rows=_INDEXES,
    places=_INDEXES,
    group=_INDEXES,
    first=_INDEXES,
    live=tf.TensorSpec((None, ROWS), tf.int32),
    source=tf.TensorSpec((None, STEPS, ROWS), tf.int32),
    lengths=_INDEXES,
    time=tf.TensorSpec((), tf.int32),
)


@tf.function(  # type: ignore[untyped-decorator]  # TensorFlow's
    autograph=False, input_signature=[tf.TensorSpec((None,), tf.int32), tf.TensorSpec((), tf.int32)]
)
def cut(lengths: Tensor, time: Tensor) -> Tiles:
    """Cut a batch.

    Args:
        lengths: <int32>[B], each row's number of steps, in [1, T].
        time: <int32>[], T.
    """
    n_rows = tf.shape(lengths)[0]
    n_groups = -(-n_rows // ROWS)
    order = tf.argsort(lengths, direction="DESCENDING", stable=True)
    n_missing = n_groups * ROWS - n_rows
    by_group = tf.reshape(tf.pad(tf.gather(lengths, order), [[0, n_missing]]), (n_groups, ROWS))
    rows = tf.pad(order, [[0, n_missing]])
    n_tiles = -(-by_group[:, 0] // STEPS)  # rounded up; a group's first row is the longest
    first = tf.cumsum(n_tiles, exclusive=True)
    group = tf.repeat(tf.range(n_groups), n_tiles)
    start = (tf.range(tf.size(group)) - tf.gather(first, group)) * STEPS
    steps = tf.minimum(start[:, None] + tf.range(STEPS), time - 1)  # no index beyond the batch
    rows_of_tile = tf.gather(tf.reshape(rows, (n_groups, ROWS)), group)
    return Tiles(
        rows=rows,
        places=tf.math.invert_permutation(order),
        group=group,
        first=first,
        live=tf.clip_by_value(tf.gather(by_group, group) - start[:, None], 0, STEPS),
        source=rows_of_tile[:, None, :] * time + steps[:, :, None],
        lengths=lengths,
        time=time,
    )


def to_tiles(values: Tensor, tiles: Tiles) -> Tensor:
    """Reorder values of a batch's steps into tiles: [B, T, ...] to [N, K, R, ...]."""
    flat = tf.reshape(values, tf.concat([[-1], tf.shape(values)[2:]], axis=0))
    return tf.gather(flat, tiles.source)


def to_batch(values: Tensor, tiles: Tiles) -> Tensor:
    """Reorder tiles <float>[N, K, R, features] into a batch [B, T, features]; after a row's end, its last step repeats.

    Tiles may have K + 1 steps; the first, the state before the tile, is left out.
    """
    steps = tf.minimum(tf.range(tiles.time)[None, :], tiles.lengths[:, None] - 1)
    tile = tf.gather(tiles.first, tiles.places // ROWS)[:, None] + steps // STEPS
    n_steps = values.shape[1]
    slots = (tile * n_steps + n_steps - STEPS + steps % STEPS) * ROWS + (tiles.places % ROWS)[:, None]
    return tf.gather(tf.reshape(values, (-1, values.shape[-1])), slots)


def is_live(tiles: Tiles) -> Tensor:
    """Return which steps of the tiles are inside a row: <bool>[N, K, R]."""
    return tf.range(STEPS)[None, :, None] < tiles.live[:, None, :]
