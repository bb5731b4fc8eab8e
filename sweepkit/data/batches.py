"""Batches of similar length from rows in memory: NumPy only, deterministic, 0.1 ms a batch.

A batch is padded on its right to its own longest row, as cuDNN's recurrent kernels require. Try
`next(train_batches(rows, BatchSettings(batch_size=2, max_len=80), seed=0, epoch=1)).token_indexes`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sweepkit.data.rows import Rows

# Rows are sorted by length within windows of this many batches: long enough that a batch holds rows of nearly
# the same length, short enough that an epoch is not the same few batches in another order.
WINDOW_BATCHES = 50


@dataclass(frozen=True, slots=True)
class BatchSettings:
    """How rows become batches.

    Attributes:
        batch_size: rows in a batch; the last batch of an epoch may have fewer.
        max_len: tokens of a row that are kept.
        keep: "tail" keeps a row's last tokens, "head" its first.
    """

    batch_size: int
    max_len: int
    keep: Literal["tail", "head"] = "tail"

    def __post_init__(self) -> None:
        if self.batch_size < 1 or self.max_len < 1:
            raise ValueError(f"batch_size and max_len must be at least 1, got {self}")


class Batch(NamedTuple):
    """One batch; `time` is its longest kept row, at least 1.

    Attributes:
        token_indexes: <int32>[batch, time], padded with 0 on the right.
        sequence_length: <int32>[batch], kept tokens.
        target: <int32>[batch].
    """

    token_indexes: NDArray[np.int32]
    sequence_length: NDArray[np.int32]
    target: NDArray[np.int32]


def train_batches(rows: Rows, settings: BatchSettings, *, seed: int, epoch: int) -> Iterator[Batch]:
    """Yield every row once, in an order that depends only on seed and epoch."""
    random = np.random.default_rng((seed, epoch))
    order = random.permutation(len(rows))
    window = WINDOW_BATCHES * settings.batch_size
    for start in range(0, len(order), window):
        yield from window_batches(rows, order[start : start + window], settings, random)


def eval_batches(rows: Rows, settings: BatchSettings) -> Iterator[Batch]:
    """Yield every row once, the shortest first, always in the same order."""
    yield from window_batches(rows, np.arange(len(rows)), settings, None)


def window_batches(
    rows: Rows, order: NDArray[np.int64], settings: BatchSettings, random: np.random.Generator | None
) -> Iterator[Batch]:
    """Yield the rows at these places in batches of similar length, shuffled if `random` is given."""
    kept = np.minimum(rows.lengths[order], settings.max_len)
    order = order[np.argsort(kept, kind="stable")]
    starts = np.arange(0, len(order), settings.batch_size)
    for start in random.permutation(starts) if random else starts:
        yield _assemble(rows, order[start : start + settings.batch_size], settings)


def _assemble(rows: Rows, places: NDArray[np.int64], settings: BatchSettings) -> Batch:
    lengths = rows.offsets[places + 1] - rows.offsets[places]
    kept = np.minimum(lengths, settings.max_len)
    starts = rows.offsets[places] + (lengths - kept if settings.keep == "tail" else 0)
    token_indexes = np.zeros((len(places), max(1, int(kept.max()))), np.int32)
    # slices copy faster than an index for every token, at any length
    for row, start, length in zip(token_indexes, starts.tolist(), kept.tolist(), strict=True):
        row[:length] = rows.tokens[start : start + length]
    return Batch(token_indexes, kept.astype(np.int32), rows.targets[places])
