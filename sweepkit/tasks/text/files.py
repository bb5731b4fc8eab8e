"""Files of texts to be labelled, and the same files with columns added: one text a line, CSV, Parquet.

Imports no TensorFlow, so that errors in a file are reported at once. Other columns, and the order of rows and columns,
are kept. Try `read_texts(Path("texts.csv"), "text").texts`.
"""

from __future__ import annotations

import csv
import io
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sweepkit.errors import DataError, InputError
from sweepkit.formatting import listed, nearest
from sweepkit.storage.atomic import replacing

SUFFIXES = (".txt", ".csv", ".parquet")

Column = Sequence[str | float | None]
"""One value a row, all of one type; None for a missing one."""


@dataclass(frozen=True)
class TextFile:
    """A file that was read.

    Attributes:
        path: of the file.
        texts: one a row; "" where a table has none.
        columns: their names, which new columns must not have; none in a file of lines.
        write: puts the rows with more columns, by name, into another file of the same kind.
    """

    path: Path
    texts: list[str]
    columns: tuple[str, ...]
    write: Callable[[Path, Mapping[str, Column]], None]


def check_paths(path: Path, to: Path | None) -> None:
    """Check that one file can be read and the other written, before anything is read.

    Raises:
        InputError: the file is missing or of an unsupported kind, or `to` is of another kind, or the same file.
    """
    if not path.is_file():
        raise InputError("this is a folder, not a file" if path.is_dir() else "there is no such file", where=str(path))
    if path.suffix.lower() not in SUFFIXES:
        what = f"texts are read from files that end in {listed(SUFFIXES)}, this ends in {path.suffix!r}"
        raise InputError(what, where=str(path))
    if to is None:
        return
    if to.suffix.lower() != path.suffix.lower():
        what = f"the file to write must be of the same kind as {path.name!r}: end its name in {path.suffix!r}"
        raise InputError(what, where=str(to))
    if not to.parent.is_dir() or not os.access(to.parent, os.W_OK):
        raise InputError("the folder of the file to write must exist and be writable", where=str(to.parent))
    if to.is_dir():
        raise InputError("the file to write is a folder", where=str(to))
    if to.exists() and to.samefile(path):
        raise InputError("the file to write must be another one than the file that is read", where=str(to))


def read_texts(path: Path, column: str) -> TextFile:
    """Read a whole file.

    Args:
        path: ends in one of `SUFFIXES`.
        column: which column of a table has the texts; a file of lines has none.

    Raises:
        DataError: it cannot be read, is malformed, or lacks the column.
    """
    kind = path.suffix.lower()
    try:
        if kind == ".parquet":
            return _read_parquet(path, column)
        return _read_csv(path, column) if kind == ".csv" else _read_lines(path)
    except OSError as error:
        raise DataError(f"this can't be read: {(error.strerror or str(error)).lower()}", where=str(path)) from None


def lines_of(content: bytes, *, where: str) -> list[str]:
    """Return the lines of UTF-8 text, without a byte order mark and line ends.

    Raises:
        DataError: it is not UTF-8; names the line.
    """
    # not str.splitlines, which also splits at characters that a text may hold
    lines = _decoded(content, where).split("\n")
    return [line.removesuffix("\r") for line in (lines[:-1] if lines[-1] == "" else lines)]


def _decoded(content: bytes, where: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line, byte = content.count(b"\n", 0, error.start) + 1, content[error.start]
        what = f"this must be text in UTF-8, line {line:,} has the byte {byte:#04x}: save it as UTF-8"
        raise DataError(what, where=where) from None


def _read_lines(path: Path) -> TextFile:
    lines = lines_of(path.read_bytes(), where=str(path))

    def write(to: Path, columns: Mapping[str, Column]) -> None:
        with replacing(to) as unfinished:
            rows = zip(lines, *columns.values(), strict=True)
            content = "".join("\t".join(_cell(value) for value in row) + "\n" for row in rows)
            unfinished.write_text(content, encoding="utf-8", newline="\n")

    return TextFile(path, lines, (), write)


def _read_csv(path: Path, column: str) -> TextFile:
    head, *rows = _csv_rows(path)
    place = _place(path, column, head)

    def write(to: Path, columns: Mapping[str, Column]) -> None:
        with replacing(to) as unfinished, unfinished.open("w", encoding="utf-8", newline="\n") as file:
            file.write(_csv_line([*head, *columns]))
            for row, *values in zip(rows, *columns.values(), strict=True):
                file.write(_csv_line([*row, *(_cell(value) for value in values)]))

    return TextFile(path, [row[place] for row in rows], tuple(head), write)


def _csv_rows(path: Path) -> list[list[str]]:
    """Return the head and the rows; all of them have as many values as the head."""
    csv.field_size_limit(sys.maxsize)  # a text may be longer than the 128 kB that are usual
    reader = csv.reader(io.StringIO(_decoded(path.read_bytes(), str(path)), newline=""), strict=True)
    rows: list[list[str]] = []
    try:
        for row in reader:
            if not row and (not rows or len(rows[0]) > 1):
                continue  # a blank line; where there is one column only, an empty text
            rows.append(row or [""])
            if len(row or [""]) != len(rows[0]):
                raise DataError(
                    f"every row must have the {len(rows[0])} values of the head, the one that ends in line "
                    f"{reader.line_num} has {len(row)}",
                    where=str(path),
                )
    except csv.Error as error:
        raise DataError(f"this must be a CSV file, line {reader.line_num}: {error}", where=str(path)) from None
    if not rows:
        raise DataError("a CSV file must have a head with the names of its columns, this is empty", where=str(path))
    return rows


def _csv_line(values: Sequence[str]) -> str:
    # csv.writer leaves a carriage return without the quotes that reading it again needs
    quoted = ('"' + value.replace('"', '""') + '"' if set(value) & set(',"\r\n') else value for value in values)
    return ",".join(quoted) + "\n"


def _read_parquet(path: Path, column: str) -> TextFile:
    try:
        table = pq.read_table(path)
        place = _place(path, column, table.column_names)
        texts = table.column(place).cast(pa.string()).to_pylist()
    except (pa.ArrowException, UnicodeDecodeError) as error:
        reason = str(error).partition("\n")[0]
        what = f"this must be a Parquet file with texts in column {column!r}: {reason}"
        raise DataError(what, where=str(path)) from None

    def write(to: Path, columns: Mapping[str, Column]) -> None:
        wider = table
        for name, values in columns.items():
            wider = wider.append_column(name, _arrow(values))
        with replacing(to) as unfinished:
            pq.write_table(wider, unfinished)

    return TextFile(path, ["" if text is None else text for text in texts], tuple(table.column_names), write)


def _place(path: Path, column: str, names: Sequence[str]) -> int:
    if list(names).count(column) == 1:
        return list(names).index(column)
    if column in names:
        raise DataError(f"the table must have one column {column!r}, it has several", where=str(path))
    what = f"the table must have a column {column!r}: {nearest(column, names)}; name another one with --column"
    raise DataError(what, where=str(path))


def _arrow(values: Column) -> Any:  # pyarrow publishes no types
    is_text = any(isinstance(value, str) for value in values) or not any(value is not None for value in values)
    return pa.array(values, pa.string() if is_text else pa.float64())


def _cell(value: str | float | None) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else f"{value:.6f}"
