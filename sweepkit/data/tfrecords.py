"""Rows as TFRecord files, and back. One record is a `tf.train.Example` with three int64 features:

    token_indexes     the row's indices, as many as there are
    sequence_length   how many
    target            the label

Importing this imports TensorFlow. Try `read_shards([path]).lengths`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from sweepkit.data.rows import Rows, offsets_of
from sweepkit.errors import DataError

_DECODED_AT_ONCE = 2048
_READ_BUFFER = 4 << 20
_UNREADABLE = (tf.errors.OpError, ValueError)


def write_shard(path: Path, rows: Rows) -> None:
    """Write one file with all of the rows."""
    with tf.io.TFRecordWriter(str(path)) as writer:
        for i in range(len(rows)):
            writer.write(_example(rows.tokens[rows.offsets[i] : rows.offsets[i + 1]], int(rows.targets[i])))


def shard_bytes(rows: Rows) -> bytes:
    """Return the content of the file that `write_shard` writes."""
    # TensorFlow writes records to paths only
    with tempfile.TemporaryDirectory(prefix="sweepkit-") as folder:
        path = Path(folder) / "shard"
        write_shard(path, rows)
        return path.read_bytes()


def read_shards(paths: Sequence[Path]) -> Rows:
    """Read files one after the other into one set of rows.

    Raises:
        DataError: a file is missing, damaged, or holds other records; names it.
    """
    try:
        return _read(paths)
    except _UNREADABLE:
        # reading all at once is 3 times as fast, but the error does not name the file
        for path in paths:
            _read_alone(path)
        raise


def options() -> tf.data.Options:
    """Return the options of every pipeline here: optimising one takes longer than running it."""
    chosen = tf.data.Options()
    chosen.experimental_optimization.apply_default_optimizations = False
    chosen.autotune.enabled = False
    chosen.threading.private_threadpool_size = 1
    return chosen


def _example(tokens: np.ndarray[Any, np.dtype[np.int32]], target: int) -> bytes:
    features = {"token_indexes": tokens, "sequence_length": [len(tokens)], "target": [target]}
    example = tf.train.Example()
    for name, values in features.items():
        example.features.feature[name].int64_list.value.extend(values)
    return bytes(example.SerializeToString(deterministic=True))


def _read(paths: Sequence[Path]) -> Rows:
    names = tf.constant([str(path) for path in paths], tf.string)
    records = tf.data.TFRecordDataset(names, buffer_size=_READ_BUFFER).batch(_DECODED_AT_ONCE)
    return Rows.join([_decode(serialised) for serialised in records.with_options(options())])


def _read_alone(path: Path) -> None:
    try:
        _read([path])
    except _UNREADABLE as error:
        reason = str(error).partition("\n")[0]
        raise DataError(f"records must be intact, these can't be read: {reason}", where=str(path)) from None


def _decode(serialised: Any) -> Rows:  # TensorFlow publishes no types
    scalar = tf.io.FixedLenFeature((), tf.int64)
    features = {
        "token_indexes": tf.io.RaggedFeature(tf.int64, row_splits_dtype=tf.int64),
        "sequence_length": scalar,
        "target": scalar,
    }
    parsed = tf.io.parse_example(serialised, features)
    lengths = parsed["sequence_length"].numpy()
    offsets = parsed["token_indexes"].row_splits.numpy()
    if not np.array_equal(offsets, offsets_of(lengths)):
        raise ValueError("sequence_length differs from the number of token_indexes")
    tokens = parsed["token_indexes"].values.numpy().astype(np.int32)
    return Rows(tokens, offsets, parsed["target"].numpy().astype(np.int32))
