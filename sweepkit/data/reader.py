"""Batches and datasets of prepared data: decoded once and kept, or streamed if memory is short.

Importing this imports TensorFlow. Try
`EpochDataset(SplitReader(prepared, "train"), settings, training=True, seed=0).epoch(1)`.
"""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any

import numpy as np
import tensorflow as tf

from sweepkit.data.batches import WINDOW_BATCHES, Batch, BatchSettings, eval_batches, train_batches, window_batches
from sweepkit.data.dataset import PreparedData
from sweepkit.data.rows import Rows
from sweepkit.data.tfrecords import options, read_shards

_PREFETCHED_BATCHES = 4


class SplitReader:
    """Batches of one split, any number of times.

    Attributes:
        n_rows: rows of the split.
        in_memory: whether all rows are decoded once and kept; otherwise the files are read in every epoch.
    """

    def __init__(self, prepared: PreparedData, split: str, *, limit_mb: float = 1024.0) -> None:
        """Choose how to read; nothing is read yet.

        Args:
            prepared: the data.
            split: "train", "valid" or "test".
            limit_mb: memory that the decoded split may take, in 2**20 bytes; a larger split is streamed within it.
        """
        info = prepared.manifest.splits[split]
        self._paths = prepared.shards(split)
        self._limit = int(limit_mb * 2**20)
        self._row_bytes = 4 * sum(file.tokens for file in info.files) / max(1, info.rows)
        self.n_rows = info.rows
        self.in_memory = self._row_bytes * info.rows <= self._limit

    def preload(self) -> None:
        """Decode the split now instead of with the first batch.

        Raises:
            DataError: a file is missing or damaged; names it.
        """
        if self.in_memory:
            self._rows  # noqa: B018  # cached

    def n_batches(self, settings: BatchSettings) -> int:
        """Return the number of batches in an epoch."""
        return math.ceil(self.n_rows / settings.batch_size)

    def batches(self, settings: BatchSettings, *, training: bool, seed: int = 0, epoch: int = 0) -> Iterator[Batch]:
        """Yield every row once: shuffled by (seed, epoch) for training, otherwise always in the same order.

        Raises:
            DataError: a file is missing or damaged; names it.
        """
        if not self.in_memory:
            return self._streamed(settings, np.random.default_rng((seed, epoch)) if training else None)
        if training:
            return train_batches(self._rows, settings, seed=seed, epoch=epoch)
        return eval_batches(self._rows, settings)

    @cached_property
    def _rows(self) -> Rows:
        return read_shards(self._paths)

    def _streamed(self, settings: BatchSettings, random: np.random.Generator | None) -> Iterator[Batch]:
        """Yield batches of one window after the other; rows left over in one window join the next."""
        window = self._window_rows(settings)
        rest = Rows.of([], [])
        for i in random.permutation(len(self._paths)) if random else range(len(self._paths)):
            rest = Rows.join([rest, read_shards([self._paths[i]])])
            order = random.permutation(len(rest)) if random else np.arange(len(rest))
            n_full = len(rest) // window * window
            for start in range(0, n_full, window):
                yield from window_batches(rest, order[start : start + window], settings, random)
            rest = rest.take(order[n_full:])
        yield from window_batches(rest, np.arange(len(rest)), settings, random)

    def _window_rows(self, settings: BatchSettings) -> int:
        # a quarter of the limit, as rows of a window wait for the file that fills it, and joining them copies both
        n_batches = int(self._limit / 4 / max(1.0, self._row_bytes * settings.batch_size))
        return settings.batch_size * min(max(1, n_batches), WINDOW_BATCHES)


class EpochDataset:
    """One split as a dataset that is iterated again in every epoch, which is faster than making another one.

    Its elements are ({"token_indexes", "sequence_length"}, target), assembled ahead in the background. In every trial
    they have the same specification, with unknown sizes, so that no step is traced twice.
    """

    def __init__(self, reader: SplitReader, settings: BatchSettings, *, training: bool, seed: int = 0) -> None:
        self._batches = _Batches(lambda epoch: reader.batches(settings, training=training, seed=seed, epoch=epoch))
        self._dataset = _dataset(self._batches, reader.n_batches(settings))

    def epoch(self, number: int) -> tf.data.Dataset:
        """Return the dataset, whose iterators give epoch `number` from its start until the next call."""
        self._batches.epoch = number
        return self._dataset


class _Batches:
    """Batches of an epoch by number, requested in order; number 0 starts the epoch."""

    def __init__(self, start: Callable[[int], Iterator[Batch]]) -> None:
        self.epoch = 0
        self._start = start
        self._batches: Iterator[Batch] = iter(())

    def at(self, i: int) -> Batch:
        if i == 0:
            self._batches = self._start(self.epoch)
        return next(self._batches)


def _dataset(batches: _Batches, n_batches: int) -> tf.data.Dataset:
    # TensorFlow keeps the function below until the process ends; a weak reference keeps it from keeping the rows too
    held_by_dataset = weakref.ref(batches)

    def assemble(i: Any) -> Batch:  # tf.numpy_function passes a NumPy scalar
        batches = held_by_dataset()
        assert batches is not None, "the dataset lives as long as its iterators"
        return batches.at(int(i))

    def load(i: tf.Tensor) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
        tokens, lengths, targets = tf.numpy_function(assemble, [i], [tf.int32] * 3)
        features = {
            "token_indexes": tf.ensure_shape(tokens, (None, None)),
            "sequence_length": tf.ensure_shape(lengths, (None,)),
        }
        return features, tf.ensure_shape(targets, (None,))

    # a sequential map calls in order; a generator dataset would do the same, but takes longer to start
    loaded = tf.data.Dataset.range(n_batches).map(load)
    loaded.batches = batches
    return loaded.prefetch(_PREFETCHED_BATCHES).with_options(options())
