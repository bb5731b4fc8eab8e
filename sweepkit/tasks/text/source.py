"""The interface of a source of texts, and the check of its texts before they are prepared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sweepkit.data.prepare import Progress
from sweepkit.errors import DataError, Issue
from sweepkit.tasks.text.word_vectors import VectorFile

_MOST_ISSUES = 5


@dataclass(frozen=True, slots=True)
class LabelledTexts:
    """Texts as the source has them, not cleaned.

    Attributes:
        texts: one for each row.
        labels: <int8>[rows], counted from 0.
        is_test: <bool>[rows]; the other rows are for training and validation.
        places: where each row comes from, for messages: a file, or a row of a file.
    """

    texts: list[str]
    labels: NDArray[np.int8]
    is_test: NDArray[np.bool_]
    places: Sequence[str]


class Source(Protocol):
    """Where a package's texts and word vectors come from. Finding one reads as little as possible."""

    @property
    def vectors(self) -> Mapping[int, VectorFile]:
        """The word vectors that the sweep needs, by dimension."""

    def digest(self) -> str:
        """Return a digest of texts and vectors, without reading all of them if that is slow."""

    def describe(self) -> str:
        """Return where the texts come from, for messages: a path."""

    def read(self, progress: Progress) -> LabelledTexts:
        """Read all texts; DataError if the source is malformed."""


def check_texts(labelled: LabelledTexts, *, where: str, n_labels: int) -> None:
    """Check that a model can learn from the texts.

    Raises:
        DataError: a text is empty, a label is out of range, or no training row has one of the labels.
    """
    issues = [
        Issue(where, f"every text must have words, {labelled.places[i]} has none: remove it or fill it in")
        for i, text in enumerate(labelled.texts)
        if not text or text.isspace()
    ]
    issues += [
        Issue(where, f"labels must be {_range(n_labels)}, {labelled.places[i]} has {int(labelled.labels[i])}")
        for i in np.flatnonzero((labelled.labels < 0) | (labelled.labels >= n_labels)).tolist()
    ]
    if issues:
        raise DataError(shortened(issues))
    counts = np.bincount(labelled.labels[~labelled.is_test], minlength=n_labels)
    if not counts.sum():
        raise DataError("there must be rows to train on, the source has none", where=where)
    if not counts.all():
        raise DataError(
            f"there must be training rows of every label, none has label {int(np.argmin(counts))}", where=where
        )


def shortened(issues: Sequence[Issue]) -> list[Issue]:
    """Keep the first few issues of one kind and count the others."""
    kept = list(issues[:_MOST_ISSUES])
    if len(issues) > _MOST_ISSUES:
        kept.append(Issue(kept[-1].where, f"… and {len(issues) - _MOST_ISSUES:,} more of this kind"))
    return kept


def _range(n_labels: int) -> str:
    return "0 or 1" if n_labels == 2 else f"0 to {n_labels - 1}"
