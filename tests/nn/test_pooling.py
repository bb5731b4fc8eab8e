import numpy as np
import pytest

pytestmark = pytest.mark.tf

LENGTHS = [4, 2, 1]


def pooled(kind, states, lengths):
    import tensorflow as tf

    from sweepkit.nn.pooling import POOLINGS

    return POOLINGS[kind]()(tf.constant(states), tf.constant(lengths)).numpy()


@pytest.fixture
def states():
    # negative everywhere, so that a padding counted as zero would win a maximum
    return -1 - np.random.default_rng(3).random((3, 4, 2), dtype=np.float32)


@pytest.mark.parametrize(
    ("kind", "of_row"),
    [
        ("last", lambda own: own[-1]),
        ("mean", lambda own: own.mean(axis=0)),
        ("max", lambda own: own.max(axis=0)),
    ],
)
def test_a_row_is_pooled_over_its_own_steps(kind, of_row, states):
    expected = [of_row(row[:length]) for row, length in zip(states, LENGTHS, strict=True)]
    np.testing.assert_allclose(pooled(kind, states, LENGTHS), expected, rtol=1e-6)


@pytest.mark.parametrize("kind", ["last", "mean", "max"])
def test_a_row_without_tokens_is_its_first_padding(kind, states):
    np.testing.assert_allclose(pooled(kind, states, [4, 2, 0])[2], states[2, 0])


@pytest.mark.parametrize("kind", ["last", "mean", "max"])
def test_no_gradient_reaches_the_padding(kind, states):
    import tensorflow as tf

    from sweepkit.nn.pooling import POOLINGS

    watched = tf.constant(states)
    with tf.GradientTape() as tape:
        tape.watch(watched)
        total = tf.reduce_sum(POOLINGS[kind]()(watched, tf.constant(LENGTHS)))
    gradient = tf.convert_to_tensor(tape.gradient(total, watched)).numpy()
    assert all((gradient[row, length:] == 0).all() for row, length in enumerate(LENGTHS))
    np.testing.assert_allclose(gradient.sum(axis=1), np.ones((3, 2)), rtol=1e-6)


def test_rows_are_reversed_inside_their_own_length():
    import tensorflow as tf

    from sweepkit.nn.encoder import ReverseRows

    rows = tf.reshape(tf.constant([1, 2, 3, 4, 5, 6, 0, 0, 7, 0, 0, 0], tf.float32), (3, 4, 1))
    turned = ReverseRows()(rows, tf.constant(LENGTHS))
    assert turned.numpy()[:, :, 0].tolist() == [[4, 3, 2, 1], [6, 5, 0, 0], [7, 0, 0, 0]]


def test_the_gradient_of_a_reversal_is_the_reversed_gradient():
    import tensorflow as tf

    from sweepkit.nn.encoder import ReverseRows

    lengths, upstream = tf.constant(LENGTHS), tf.random.stateless_normal((3, 4, 2), seed=(1, 2))
    rows = tf.zeros((3, 4, 2))
    with tf.GradientTape() as tape:
        tape.watch(rows)
        total = tf.reduce_sum(ReverseRows()(rows, lengths) * upstream)
    expected = tf.reverse_sequence(upstream, lengths, seq_axis=1, batch_axis=0)
    np.testing.assert_allclose(tape.gradient(total, rows), expected)
