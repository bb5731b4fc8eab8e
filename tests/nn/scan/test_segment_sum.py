import numpy as np
import pytest

pytestmark = pytest.mark.tf

WIDTH = 3


@pytest.mark.parametrize(("n_tiles", "n"), [(1, 1), (8, 511), (9, 512), (17, 700)])
def test_rows_are_added_to_their_sums(n_tiles, n):
    import tensorflow as tf

    from sweepkit.nn.scan.segment_sum import sum_rows
    from sweepkit.nn.scan.tile_program import ROWS, STEPS

    rng = np.random.default_rng(n)
    rows = rng.normal(size=(n_tiles, STEPS, ROWS, WIDTH)).astype(np.float32)
    places = rng.integers(0, n, (n_tiles, STEPS, ROWS)).astype(np.int32)
    expected = np.zeros((n, WIDTH))
    np.add.at(expected, places.ravel(), rows.reshape(-1, WIDTH).astype(np.float64))
    tiles = tf.constant(rows)
    sums = sum_rows(tf.constant(n_tiles), lambda i: tiles[i], tf.constant(places), tf.constant(n), WIDTH)
    assert sums.shape == (n, WIDTH)
    np.testing.assert_allclose(sums, expected, rtol=1e-4, atol=2e-4)


def test_there_is_one_shape_for_each_power_of_two_of_sums(monkeypatch):
    import tensorflow as tf

    from sweepkit.nn.scan import segment_sum
    from sweepkit.nn.scan.tile_program import ROWS, STEPS

    shapes = {}

    def program(width):
        def add(sums, indexes, tiles):
            shapes[sums.shape[0]] = [indexes.shape, len(tiles)]
            assert int(tf.reduce_max(indexes)) < sums.shape[0]
            return sums

        return add

    monkeypatch.setattr(segment_sum, "_program", program)
    tile = tf.zeros((STEPS, ROWS, WIDTH))
    for n in (1, 2, 500, 511, 512, 513, 1023, 1024, 2000, 4095):
        places = tf.fill((3, STEPS, ROWS), n - 1)
        segment_sum.sum_rows(tf.constant(3), lambda i: tile, places, tf.constant(n), WIDTH)
        # at least one sum more than requested, and less than twice as many as needed
        assert min(shapes) >= 512
        assert n < max(shapes) <= max(512, 2 * (n + 1))
    assert sorted(shapes) == [512, 1024, 2048, 4096]
    assert all(shape == [(segment_sum._TILES, STEPS * ROWS), segment_sum._TILES] for shape in shapes.values())
