"""Records on disk: a round trip, and what is said of damaged ones."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from sweepkit.data.rows import Rows
from sweepkit.errors import DataError

pytestmark = pytest.mark.tf

ROWS = Rows.of([[4, 5, 2], [2], [7, 8, 9, 2]], [0, 1, 1])


def equal(left: Rows, right: Rows) -> bool:
    return all(
        getattr(left, name).dtype == getattr(right, name).dtype
        and np.array_equal(getattr(left, name), getattr(right, name))
        for name in ("tokens", "offsets", "targets")
    )


@pytest.fixture
def shard(tmp_path: Path) -> Path:
    from sweepkit.data.tfrecords import write_shard

    write_shard(tmp_path / "train-0.tfrecord", ROWS)
    return tmp_path / "train-0.tfrecord"


def test_rows_come_back_from_one_file_or_several(shard: Path, tmp_path: Path) -> None:
    from sweepkit.data.tfrecords import read_shards, shard_bytes, write_shard

    assert equal(read_shards([shard]), ROWS)
    assert shard_bytes(ROWS) == shard.read_bytes()
    write_shard(tmp_path / "other", ROWS.part(0, 1))
    assert equal(read_shards([shard, tmp_path / "other"]), Rows.join([ROWS, ROWS.part(0, 1)]))
    assert len(read_shards([])) == 0


def test_a_record_is_an_example_with_three_features(shard: Path) -> None:
    import tensorflow as tf

    records = [tf.train.Example.FromString(record.numpy()) for record in tf.data.TFRecordDataset(str(shard))]
    features = {name: list(feature.int64_list.value) for name, feature in records[2].features.feature.items()}
    assert features == {"token_indexes": [7, 8, 9, 2], "sequence_length": [4], "target": [1]}


@pytest.mark.parametrize("damage", ["flip", "cut", "garbage", "missing"])
def test_a_damaged_file_is_named(shard: Path, damage: str) -> None:
    from sweepkit.data.tfrecords import read_shards

    content = bytearray(shard.read_bytes())
    if damage == "flip":
        content[len(content) // 2] ^= 0x40
        shard.write_bytes(content)
    elif damage == "cut":
        shard.write_bytes(content[:-5])
    elif damage == "garbage":
        shard.write_bytes(b"garbage" * 50)
    else:
        shard.unlink()
    with pytest.raises(DataError, match="records must be intact, these can't be read") as caught:
        read_shards([shard])
    assert str(caught.value).startswith(f"{shard}: ")


@pytest.mark.parametrize(
    "features",
    [
        {"token_indexes": [1, 2], "sequence_length": [3], "target": [0]},
        {"token_indexes": [1, 2], "sequence_length": [2]},
        {"words": [1, 2]},
    ],
)
def test_intact_records_of_another_kind_are_refused(tmp_path: Path, features: dict[str, list[int]]) -> None:
    import tensorflow as tf

    from sweepkit.data.tfrecords import read_shards

    example = tf.train.Example()
    for name, values in features.items():
        example.features.feature[name].int64_list.value.extend(values)
    with tf.io.TFRecordWriter(str(tmp_path / "other")) as writer:
        writer.write(example.SerializeToString())
    with pytest.raises(DataError, match="records must be intact"):
        read_shards([tmp_path / "other"])


def test_decoding_20_000_rows_takes_less_than_two_seconds_of_one_core(tmp_path: Path) -> None:
    from sweepkit.data.tfrecords import read_shards, write_shard

    random = np.random.default_rng(0)
    rows = Rows.of([random.integers(3, 20_000, 270).tolist() for _ in range(2_000)], [0, 1] * 1_000)
    write_shard(tmp_path / "shard", rows)
    read_shards([tmp_path / "shard"])
    before = time.process_time()
    assert equal(read_shards([tmp_path / "shard"]), rows)
    assert 10 * (time.process_time() - before) < 2.0
