"""The number of programs that a process compiles, whatever the shapes of its batches."""

import functools

import pytest

from tests.support.nn.models import batch_of, model_of

pytestmark = pytest.mark.tf

SHAPES = [(1, 1), (3, 33), (64, 2), (65, 7), (16, 90), (130, 3), *((5 + n, 10 + 3 * n) for n in range(14))]


def count_traces(model):
    """Return a list that grows whenever TensorFlow traces the training step."""
    traces, train_step = [], model.train_step

    def counted(data):
        traces.append(data)
        return train_step(data)

    model.train_step = counted
    return traces


def train(model, shapes):
    import tensorflow as tf

    def batches():
        for seed, shape in enumerate(shapes):
            yield batch_of(*shape, seed=seed)

    def spec(*shape):
        return tf.TensorSpec(shape, tf.int32)

    signature = {"token_indexes": spec(None, None), "sequence_length": spec(None)}, spec(None)
    data = tf.data.Dataset.from_generator(batches, output_signature=signature)
    model.fit(data.apply(tf.data.experimental.assert_cardinality(len(shapes))), shuffle=False, verbose=0)
    return model


def misses():
    """Return how often a program, or a loop over tiles, was not in its cache."""
    from sweepkit.nn.scan import scan, segment_sum, tile_program

    return [
        cache.cache_info().misses
        for cache in (tile_program.forward, tile_program.backward, scan._loops, segment_sum._program)
    ]


@pytest.fixture
def untouched(monkeypatch):
    """Empty caches, as in a new process."""
    from sweepkit.nn.scan import scan, segment_sum, tile_program

    for module, name in ((scan, "forward"), (scan, "backward"), (scan, "_loops"), (segment_sum, "_program")):
        fresh = functools.cache(getattr(module, name).__wrapped__)
        monkeypatch.setattr(module, name, fresh)
        if hasattr(tile_program, name):
            monkeypatch.setattr(tile_program, name, fresh)


def own_messages(caplog):
    """Return what the scan has logged; TensorFlow warns of retracing when other tests have traced before."""
    return [record.getMessage() for record in caplog.records if record.name.startswith("sweepkit.")]


def test_a_model_is_traced_once_and_compiles_the_same_programs_for_batches_of_all_shapes(untouched, caplog):
    with caplog.at_level("DEBUG", logger="sweepkit.nn"):
        model = model_of("ugrnn")
        traces = count_traces(model)
        train(model, SHAPES)
    assert len(traces) == 1
    assert sorted(own_messages(caplog)) == [
        "XLA program: sums of rows 6 wide, one for each power of two of sums",
        "XLA program: ugrnn backward from last states, 3 units",
        "XLA program: ugrnn forward, 3 units",
    ]
    assert misses() == [1, 1, 1, 1]


def test_a_second_model_of_the_same_cell_and_units_compiles_none(caplog):
    train(model_of("ugrnn"), SHAPES[:2])
    before = misses()
    with caplog.at_level("DEBUG", logger="sweepkit.nn"):
        model = train(model_of("ugrnn", seed=1), SHAPES[2:6])
        model.predict_on_batch(batch_of(7, 50)[0])
    assert misses() == before
    assert own_messages(caplog) == []


def test_each_kind_of_layer_has_its_own_loop_and_shares_programs(untouched):
    rows, _ = batch_of(3, 5)
    model_of("rnn")(rows)
    # steps and last states, each from distinct tokens or not: a second layer, and pooling over all states
    model_of("rnn", layers=2, bidirectional=True, pooling="mean")(rows)
    model_of("rnn", layers=2, bidirectional=True, pooling="last")(rows)
    assert misses()[:3] == [1, 2, 4]
