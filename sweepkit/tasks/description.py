"""Descriptions of a task's data, models and errors, as values for reports, commands and the model registry.

Try `DataDescription(how="...", summary=("train: 20 rows",), parts=(Table(("split", "rows"), [("train", "20")]),))`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SizeHistogram:
    """How many rows of train have which size.

    Attributes:
        rows: the word for rows in reports: "texts".
        size: the words for their size: "tokens of a text".
        unit: of the size: "tokens".
        width: of a bin; the last bin has no upper end.
        counts: rows in each bin.
        largest: size of a row; None if unknown.
        limit: the parameter that cuts rows to a size; None if there is none.
    """

    rows: str
    size: str
    unit: str
    width: int
    counts: tuple[int, ...]
    largest: float | None = None
    limit: str | None = None

    def share_within(self, size: float) -> float:
        """Return the approximate share of the rows of at most this size."""
        n_rows = sum(self.counts)
        if not n_rows or size >= (math.inf if self.largest is None else self.largest):
            return float(bool(n_rows))
        whole, part = divmod(size + 1, self.width)
        # rows in the last bin may be of any size from its lower end on, so none of them counts
        bins = [*self.counts[:-1], 0]
        inside = sum(bins[: int(whole)]) + (bins[int(whole)] * part / self.width if whole < len(bins) else 0)
        return inside / n_rows


@dataclass(frozen=True, slots=True)
class Shares:
    """How many rows of each kind every split has.

    Attributes:
        rows: the word for rows in reports: "texts".
        kinds: names of the kinds, such as labels.
        counts: rows of each kind, by split; splits without rows are left out.
        alt: alternative text of the figure.
    """

    rows: str
    kinds: tuple[str, ...]
    counts: Mapping[str, tuple[int, ...]]
    alt: str


@dataclass(frozen=True, slots=True)
class Table:
    """A table of formatted cells; the first column holds words, all others numbers."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class DataDescription:
    """Prepared data.

    Attributes:
        how: a caption that explains the parts.
        summary: lines that `prepare` prints.
        parts: what a report shows, in this order.
    """

    how: str
    summary: tuple[str, ...]
    parts: tuple[SizeHistogram | Shares | Table, ...]


@dataclass(frozen=True, slots=True)
class ServedModel:
    """What a registered model takes and returns, and what loading it needs.

    Attributes:
        inputs: the type of each column, as MLflow spells types: "string", "double".
        outputs: the same of what it returns; a row may lack any of them.
        example: a row of the inputs; it is stored in the registry.
        packages: imported besides TensorFlow, Keras and what reads any bundle.
    """

    inputs: Mapping[str, str]
    outputs: Mapping[str, str]
    example: Mapping[str, str | float]
    packages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ConfusionMatrix:
    """Counts of rows by [target][predicted], and the names of the classes."""

    classes: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class ErrorDescription:
    """A model's errors on validation.

    Attributes:
        how: a caption that explains the rest.
        confusion: of all rows.
        quotes: (caption, row) of the worst mistakes, the worst first.
    """

    how: str
    confusion: ConfusionMatrix
    quotes: Sequence[tuple[str, str]]
