"""Labelled texts from a Parquet or CSV file with the columns text and label, and optionally split.

Splits are "train" or "test"; without the column every row is for training. Try `read_table(Path("rows.csv"))`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sweepkit.errors import DataError, Issue
from sweepkit.formatting import listed, nearest
from sweepkit.tasks.text.source import LabelledTexts, shortened

SUFFIXES = (".parquet", ".csv")
_REQUIRED = ("text", "label")
_SPLITS = ("train", "test")


def column_names(path: Path) -> list[str]:
    """Read a table's column names and nothing else.

    Raises:
        DataError: the file is missing or not a table.
    """
    if path.suffix == ".parquet":
        return [str(name) for name in _opened(path, lambda: pq.read_schema(path).names)]
    return [str(name) for name in _opened(path, lambda: _open_csv(path).schema.names)]


def has_texts(path: Path) -> bool:
    """Return whether a table has the columns that `read_table` needs; False for a malformed one."""
    try:
        return set(_REQUIRED) <= set(column_names(path))
    except DataError:
        return False


def read_table(path: Path) -> LabelledTexts:
    """Read a whole table.

    Raises:
        DataError: the file is missing or malformed, lacks a column, or has a value that is not text, a label that
            is not 0 or 1, or a split that is not "train" or "test". Names the rows, the first of which is row 1.
    """
    names = column_names(path)
    _check_columns(path, names)
    columns = [*_REQUIRED, *(["split"] if "split" in names else [])]
    table = _opened(path, lambda: _read(path, columns))
    texts = _texts(path, table.column("text"))
    return LabelledTexts(
        texts=texts,
        labels=_labels(path, table.column("label")),
        is_test=_is_test(path, table),
        places=_RowNames(len(texts)),
    )


class _RowNames(Sequence[str]):
    """The names of a table's rows, made on access."""

    def __init__(self, n_rows: int) -> None:
        self._n_rows = n_rows

    def __len__(self) -> int:
        return self._n_rows

    def __getitem__(self, i: Any) -> Any:  # a Sequence has slices too
        return [self[j] for j in range(self._n_rows)[i]] if isinstance(i, slice) else f"row {i + 1}"


def _opened(path: Path, read: Callable[[], Any]) -> Any:  # pyarrow publishes no types
    kind = "Parquet" if path.suffix == ".parquet" else "CSV"
    try:
        return read()
    except FileNotFoundError:
        raise DataError("there is no such file", where=str(path)) from None
    except (OSError, pa.ArrowException, ValueError, OverflowError, KeyError, TypeError) as error:
        reason = str(error).partition("\n")[0]
        raise DataError(f"this must be a {kind} file in UTF-8, it can't be read: {reason}", where=str(path)) from None


def _open_csv(path: Path, **convert: Any) -> Any:  # pyarrow publishes no types
    return pacsv.open_csv(
        path,
        parse_options=pacsv.ParseOptions(newlines_in_values=True),
        convert_options=pacsv.ConvertOptions(**convert),
    )


def _check_columns(path: Path, names: Sequence[str]) -> None:
    issues = [
        Issue(str(path), f"the table must have a column {name!r}: {nearest(name, names)}")
        for name in _REQUIRED
        if name not in names
    ]
    issues += [
        Issue(str(path), f"the table must have one column {name!r}, it has several")
        for name in (*_REQUIRED, "split")
        if names.count(name) > 1
    ]
    if issues:
        raise DataError(issues)


def _read(path: Path, columns: list[str]) -> Any:  # pyarrow publishes no types
    if path.suffix == ".parquet":
        return pq.read_table(path, columns=columns)
    # all values as text, so that a label that is not a number is reported with its row
    types = dict.fromkeys(columns, pa.string())
    return _open_csv(path, include_columns=columns, column_types=types, strings_can_be_null=False).read_all()


def _texts(path: Path, column: Any) -> list[str]:  # pyarrow publishes no types
    try:
        texts = column.cast(pa.string()).to_pylist()
    except pa.ArrowException:
        raise DataError(f"column 'text' must hold text, it holds {column.type}", where=str(path)) from None
    except UnicodeDecodeError as error:
        raise DataError(f"texts must be UTF-8: {error}", where=str(path)) from None
    return ["" if text is None else text for text in texts]


def _labels(path: Path, column: Any) -> NDArray[np.int8]:  # pyarrow publishes no types
    spellings = {"0": 0, "1": 1, "0.0": 0, "1.0": 1, "False": 0, "True": 1, "false": 0, "true": 1}
    values = _opened(path, column.to_pylist)
    labels = [spellings.get(str(value).strip(), -1) for value in values]
    issues = [
        Issue(str(path), f"labels must be 0 or 1, row {i + 1} has {values[i]!r:.60}")
        for i, label in enumerate(labels)
        if label < 0
    ]
    if issues:
        raise DataError(shortened(issues))
    return np.array(labels, np.int8)


def _is_test(path: Path, table: Any) -> NDArray[np.bool_]:  # pyarrow publishes no types
    if "split" not in table.column_names:
        return np.zeros(table.num_rows, np.bool_)
    splits = _opened(path, table.column("split").to_pylist)
    issues = [
        Issue(str(path), f"splits must be {listed(_SPLITS)}, row {i + 1} has {split!r:.60}")
        for i, split in enumerate(splits)
        if split not in _SPLITS
    ]
    if issues:
        raise DataError(shortened(issues))
    return np.array([split == "test" for split in splits], np.bool_)
