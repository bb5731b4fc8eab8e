"""Reading prepared data, kept in memory and streamed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sweepkit.data.batches import Batch, BatchSettings
from sweepkit.data.manifest import ShardInfo
from sweepkit.data.rows import Rows
from sweepkit.errors import DataError
from sweepkit.tasks.text.dataset import PreparedTexts

pytestmark = pytest.mark.tf

READING = BatchSettings(batch_size=8, max_len=9)
LIMITS = [pytest.param(1024.0, id="in memory"), pytest.param(0.004, id="streamed")]


def rows_of(batches: list[Batch]) -> list[tuple[int, ...]]:
    return sorted(
        (int(target), *tokens[:length].tolist())
        for batch in batches
        for tokens, length, target in zip(batch.token_indexes, batch.sequence_length, batch.target, strict=True)
    )


def same(left: list[Batch], right: list[Batch]) -> bool:
    return len(left) == len(right) and all(
        np.array_equal(a, b) for one, two in zip(left, right, strict=True) for a, b in zip(one, two, strict=True)
    )


@pytest.mark.parametrize("limit_mb", LIMITS)
@pytest.mark.parametrize("training", [True, False])
def test_an_epoch_has_every_row_once(prepared: PreparedTexts, limit_mb: float, training: bool) -> None:
    from sweepkit.data.reader import SplitReader
    from sweepkit.data.tfrecords import read_shards

    reader = SplitReader(prepared, "train", limit_mb=limit_mb)
    assert reader.in_memory == (limit_mb > 1)
    batches = list(reader.batches(READING, training=training, seed=1, epoch=1))
    rows = read_shards(prepared.shards("train"))
    expected = sorted(
        (int(target), *rows.tokens[start:stop][-9:].tolist())
        for start, stop, target in zip(rows.offsets, rows.offsets[1:], rows.targets, strict=False)
    )
    assert rows_of(batches) == expected
    assert len(batches) == reader.n_batches(READING) == -(-reader.n_rows // 8)
    assert [len(batch.target) for batch in batches].count(8) >= len(batches) - 1


@pytest.mark.parametrize("limit_mb", LIMITS)
def test_the_order_is_a_function_of_seed_and_epoch(prepared: PreparedTexts, limit_mb: float) -> None:
    from sweepkit.data.reader import SplitReader

    epochs = [
        list(SplitReader(prepared, "train", limit_mb=limit_mb).batches(READING, training=True, seed=seed, epoch=epoch))
        for seed, epoch in ((1, 1), (1, 1), (1, 2), (2, 1))
    ]
    assert same(epochs[0], epochs[1])
    assert not same(epochs[0], epochs[2])
    assert not same(epochs[0], epochs[3])


def test_a_stream_holds_no_more_than_its_limit(prepared: PreparedTexts, tmp_path: Path) -> None:
    import tracemalloc

    from sweepkit.data.reader import SplitReader
    from sweepkit.data.tfrecords import write_shard

    # 40 files of 80 kB, decoded
    rows = Rows.of([[7] * 200] * 100, [0] * 100)
    files = [ShardInfo(f"{i}.tfrecord", 0, "", rows=100, tokens=20_000) for i in range(40)]
    for file in files:
        write_shard(tmp_path / file.name, rows)
    large = replace(prepared.manifest.splits["train"], rows=4_000, files=tuple(files))
    copy = PreparedTexts(replace(prepared.manifest, splits={"train": large}), tmp_path)
    peaks = []
    for limit_mb in (4.0, 1.0):
        reader = SplitReader(copy, "train", limit_mb=limit_mb)
        tracemalloc.start()
        assert sum(len(batch.target) for batch in reader.batches(READING, training=True)) == 4_000
        peaks.append(tracemalloc.get_traced_memory()[1] / 2**20)
        tracemalloc.stop()
    assert peaks[0] > 3.05
    assert peaks[1] < 1.0


def test_rows_in_memory_are_decoded_once(prepared: PreparedTexts, tmp_path: Path) -> None:
    import shutil

    from sweepkit.data.reader import SplitReader

    shutil.copytree(prepared.folder, tmp_path / "copy")
    reader = SplitReader(PreparedTexts.open(tmp_path / "copy"), "valid")
    first = list(reader.batches(READING, training=False))
    shutil.rmtree(tmp_path / "copy")
    assert same(first, list(reader.batches(READING, training=False)))


@pytest.mark.parametrize("limit_mb", LIMITS)
def test_a_damaged_shard_is_named(prepared: PreparedTexts, tmp_path: Path, limit_mb: float) -> None:
    import shutil

    from sweepkit.data.reader import SplitReader

    shutil.copytree(prepared.folder, tmp_path / "copy")
    copy = PreparedTexts.open(tmp_path / "copy")
    shard = copy.shards("train")[3]
    shard.write_bytes(shard.read_bytes()[:-9])
    with pytest.raises(DataError) as caught:
        list(SplitReader(copy, "train", limit_mb=limit_mb).batches(READING, training=True))
    assert str(caught.value).startswith(f"{shard}: ")


@pytest.mark.parametrize("limit_mb", LIMITS)
def test_a_feed_gives_the_batches_of_the_epoch_asked_for_each_time_it_is_iterated(
    prepared: PreparedTexts, limit_mb: float
) -> None:
    from sweepkit.data.reader import EpochDataset, SplitReader

    reader = SplitReader(prepared, "train", limit_mb=limit_mb)
    feed = EpochDataset(reader, READING, training=True, seed=4)
    for number in (2, 2, 1):
        expected = list(reader.batches(READING, training=True, seed=4, epoch=number))
        epoch = feed.epoch(number)
        assert len(epoch) == len(expected)
        found = [
            Batch(features["token_indexes"], features["sequence_length"], target)
            for features, target in epoch.as_numpy_iterator()
        ]
        assert same(found, expected)


def test_every_feed_has_the_same_element_specification(prepared: PreparedTexts) -> None:
    import tensorflow as tf

    from sweepkit.data.reader import EpochDataset, SplitReader

    reader = SplitReader(prepared, "valid")
    specs = [
        EpochDataset(reader, BatchSettings(batch_size=size, max_len=length), training=size == 8, seed=size)
        .epoch(1)
        .element_spec
        for size, length in ((8, 9), (4, 3))
    ]
    rows, features = tf.TensorSpec([None], tf.int32), tf.TensorSpec([None, None], tf.int32)
    assert specs[0] == specs[1] == ({"token_indexes": features, "sequence_length": rows}, rows)


def test_a_feed_that_is_dropped_halfway_gives_back_its_memory(prepared: PreparedTexts) -> None:
    import gc
    import weakref

    from sweepkit.data.reader import EpochDataset, SplitReader

    reader = SplitReader(prepared, "train")
    iterator = iter(EpochDataset(reader, READING, training=True, seed=1).epoch(1))
    next(iterator)
    rows = weakref.ref(reader)
    del reader, iterator
    gc.collect()
    assert rows() is None
