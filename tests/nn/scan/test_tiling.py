import numpy as np
import pytest

pytestmark = pytest.mark.tf

RNG = np.random.default_rng(3)
BATCHES = {
    "one step": ([1], 1),
    "one row": ([41], 50),
    "all one step": ([1] * 5, 3),
    "one long": ([2, 70, 1, 3], 70),
    "more than a group": (RNG.integers(1, 34, 67).tolist(), 34),
    "whole tiles": ([80, 40, 80], 80),
}


@pytest.fixture(params=BATCHES.values(), ids=BATCHES)
def batch(request):
    lengths, time = request.param
    return np.array(lengths, np.int32), time


def cut(lengths, time):
    import tensorflow as tf

    from sweepkit.nn.scan import tiling

    return tiling.cut(tf.constant(lengths), tf.constant(time))


def test_rows_are_grouped_by_length_and_a_group_has_the_tiles_of_its_longest_row(batch):
    from sweepkit.nn.scan.tile_program import ROWS, STEPS

    tiles = cut(*batch)
    longest = np.sort(batch[0])[::-1][::ROWS]
    n_tiles = -(-longest // STEPS)
    np.testing.assert_array_equal(tiles.group, np.repeat(np.arange(len(longest)), n_tiles))
    np.testing.assert_array_equal(tiles.first, np.cumsum(n_tiles) - n_tiles)
    np.testing.assert_array_equal(tiles.rows.numpy()[tiles.places], np.arange(len(batch[0])))


def test_every_step_of_every_row_is_in_one_live_slot(batch):
    from sweepkit.nn.scan.tiling import is_live

    lengths, time = batch
    tiles = cut(lengths, time)
    own = np.flatnonzero(np.arange(time) < lengths[:, None])
    live = is_live(tiles).numpy()
    assert sorted(tiles.source.numpy()[live]) == own.tolist()
    np.testing.assert_array_equal(live.sum(axis=1), tiles.live)
    assert (np.diff(tiles.live, axis=1) <= 0).all()  # the first row of a tile is its longest
    assert ((tiles.source.numpy() >= 0) & (tiles.source.numpy() < lengths.size * time)).all()


def test_reordering_into_tiles_and_back_restores_steps(batch):
    from sweepkit.nn.scan.tiling import to_batch, to_tiles

    lengths, time = batch
    tiles = cut(lengths, time)
    values = RNG.normal(size=(len(lengths), time, 2)).astype(np.float32)
    back = to_batch(to_tiles(values, tiles), tiles).numpy()
    for row, length in enumerate(lengths):
        np.testing.assert_array_equal(back[row, :length], values[row, :length])
        np.testing.assert_array_equal(back[row, length:], np.tile(values[row, length - 1], (time - length, 1)))


def test_rows_of_one_length_keep_their_order():
    np.testing.assert_array_equal(cut(np.array([4, 9, 4, 9], np.int32), 9).rows.numpy()[:4], [1, 3, 0, 2])
