"""How a padded batch is cut into tiles of 32 rows by 40 time steps.

Rows are put in order of length, longest first, and taken 32 at a time: a group. A group takes as many tiles, one after
the other in time, as its own longest row needs; nothing is computed for the padding of all others. The last group is
filled up with rows of no length.

    tiles = cut(lengths, tf.shape(token_indexes)[1])
"""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from sweepkit.nn.scan.cells import Tensor
from sweepkit.nn.scan.tile_program import ROWS, STEPS


class Tiles(NamedTuple):
    """With N tiles of R rows and K steps, of a batch of B rows and T steps.

    Attributes:
        rows: <int32>[groups R], the batch's row at each place; a filled-up place repeats one.
        places: <int32>[B], where each row stands in that order.
        group: <int32>[N], in ascending order.
        first: <int32>[groups], each group's first tile.
        live: <int32>[N, R], how many of its steps belong to each row, in [0, K].
        source: <int32>[N, K, R], which of the batch's B T steps each of a tile's is; that of a dead step is any.
        lengths: <int32>[B], as given.
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
    filled = n_groups * ROWS - n_rows
    by_group = tf.reshape(tf.pad(tf.gather(lengths, order), [[0, filled]]), (n_groups, ROWS))
    rows = tf.pad(order, [[0, filled]])
    n_tiles = -(-by_group[:, 0] // STEPS)  # a group's first row is its longest
    first = tf.cumsum(n_tiles, exclusive=True)
    group = tf.repeat(tf.range(n_groups), n_tiles)
    start = (tf.range(tf.size(group)) - tf.gather(first, group)) * STEPS
    steps = tf.minimum(start[:, None] + tf.range(STEPS), time - 1)
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
    """Put what belongs to a batch's steps in the order of tiles: [B, T, ...] to [N, K, R, ...]."""
    flat = tf.reshape(values, tf.concat([[-1], tf.shape(values)[2:]], axis=0))
    return tf.gather(flat, tiles.source)


def to_batch(values: Tensor, tiles: Tiles) -> Tensor:
    """Put <float>[N, K, R, features] in the batch's order: [B, T, features]. Past a row's end, its last repeats.

    Of K + 1 steps the first is left out: it is what stood before the tile.
    """
    steps = tf.minimum(tf.range(tiles.time)[None, :], tiles.lengths[:, None] - 1)
    tile = tf.gather(tiles.first, tiles.places // ROWS)[:, None] + steps // STEPS
    n_steps = values.shape[1]
    slots = (tile * n_steps + n_steps - STEPS + steps % STEPS) * ROWS + (tiles.places % ROWS)[:, None]
    return tf.gather(tf.reshape(values, (-1, values.shape[-1])), slots)


def is_live(tiles: Tiles) -> Tensor:
    """Tell which steps of the tiles belong to a row: <bool>[N, K, R]."""
    return tf.range(STEPS)[None, :, None] < tiles.live[:, None, :]
