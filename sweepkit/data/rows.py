"""Rows of token indices of unequal length, as three flat arrays: cheap to slice, reorder and send."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Rows:
    """Encoded texts with their labels.

    Attributes:
        tokens: <int32>[total], all rows one after the other.
        offsets: <int64>[rows + 1]; row i is `tokens[offsets[i]:offsets[i + 1]]`.
        targets: <int32>[rows].
    """

    tokens: NDArray[np.int32]
    offsets: NDArray[np.int64]
    targets: NDArray[np.int32]

    @classmethod
    def of(cls, tokens: Sequence[Sequence[int]], targets: Sequence[int]) -> Rows:
        """Make rows from lists, for tests and single texts."""
        lengths = [len(row) for row in tokens]
        flat = [index for row in tokens for index in row]
        return cls(np.array(flat, np.int32), offsets_of(np.array(lengths)), np.array(targets, np.int32))

    @classmethod
    def join(cls, parts: Sequence[Rows]) -> Rows:
        """Put the rows of several parts one after the other."""
        if len(parts) == 1:
            return parts[0]
        empty = Rows.of([], [])
        return cls(
            np.concatenate([part.tokens for part in (empty, *parts)]),
            offsets_of(np.concatenate([part.lengths for part in (empty, *parts)])),
            np.concatenate([part.targets for part in (empty, *parts)]),
        )

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """<int64>[rows], tokens in each row."""
        return np.diff(self.offsets)

    def part(self, start: int, stop: int) -> Rows:
        """Return the rows from `start` up to `stop`, sharing memory."""
        offsets = self.offsets[start : stop + 1]
        return Rows(self.tokens[offsets[0] : offsets[-1]], offsets - offsets[0], self.targets[start:stop])

    def take(self, order: NDArray[np.int64]) -> Rows:
        """Return the rows at these places, in this order, copied."""
        starts, stops = self.offsets[order].tolist(), self.offsets[order + 1].tolist()
        # slices, because an index for every token would take four times the memory of the tokens
        slices = [self.tokens[start:stop] for start, stop in zip(starts, stops, strict=True)]
        tokens = np.concatenate([self.tokens[:0], *slices])
        return Rows(tokens, offsets_of(self.lengths[order]), self.targets[order])


def offsets_of(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return where each row starts, and where the last one ends: <int64>[rows + 1]."""
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
