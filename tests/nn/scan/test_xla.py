"""Functions that are compiled once per process and called from graphs that come and go."""

import gc

import pytest

pytestmark = pytest.mark.tf


@pytest.fixture
def scaled():
    """A compiled function of nested arguments with a loop inside, like the programs of tiles."""
    import tensorflow as tf

    from sweepkit.nn.scan.xla import compiled

    def function(pair, times):
        first, (second,) = pair
        return {"sum": tf.while_loop(lambda i, _: i < times, lambda i, x: (i + 1, x + second), (0, first))[1]}, times

    row = tf.TensorSpec((None, 3))
    return compiled(function, (row, [row]), tf.TensorSpec((), tf.int32))


def test_arguments_and_results_are_nested_tensors_of_known_shapes(scaled):
    import tensorflow as tf

    @tf.function
    def call(rows):
        results, times = scaled((rows, [rows]), tf.constant(4))
        assert results["sum"].shape.as_list() == [None, 3]
        return results["sum"], times

    for n in (1, 2):
        total, times = call(tf.fill((n, 3), 2.0))
        assert total.numpy().tolist() == [[10.0] * 3] * n
        assert times.numpy() == 4


def test_a_compiled_function_is_one_launch_of_xla(scaled):
    import tensorflow as tf

    graph = tf.function(lambda rows: scaled((rows, [rows]), tf.constant(4)))
    operations = graph.get_concrete_function(tf.TensorSpec((2, 3))).graph.get_operations()
    assert [one.type for one in operations if one.type in ("XlaLaunch", "StatelessWhile", "While")] == ["XlaLaunch"]


def test_graphs_that_call_a_compiled_function_leak_no_memory(scaled):
    import psutil
    import tensorflow as tf

    def grown(graphs):
        before = psutil.Process().memory_info().rss
        for _ in range(graphs):
            call = tf.function(lambda rows: scaled((rows, [rows]), tf.constant(2)), autograph=False)
            call(tf.ones((2, 3)))
            del call
            gc.collect()
        return (psutil.Process().memory_info().rss - before) / graphs

    grown(20)
    # through tf.function(jit_compile=True) each call leaves 80 to 130 KB, even of so small a function
    assert grown(60) < 30_000


def test_a_slice_is_written_at_its_place():
    import tensorflow as tf

    from sweepkit.nn.scan.xla import compiled, update_slice

    def write(values, t):
        return update_slice(values, tf.ones((1, 2, 1)), [t, 0, 1])

    call = tf.function(compiled(write, tf.TensorSpec((3, 2, 3)), tf.TensorSpec((), tf.int32)))
    written = call(tf.zeros((3, 2, 3)), tf.constant(2)).numpy()
    assert written[2].tolist() == [[0, 1, 0], [0, 1, 0]]
    assert not written[:2].any()
