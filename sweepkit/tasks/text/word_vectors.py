"""Pre-trained word vectors in the layout of GloVe, aligned with a vocabulary.

Three kinds of file: a .zip with members like `name.50d.txt`, one such .txt (a word and its values a line), and the
Parquet of `rounded_vectors`. Try `find_vectors([Path("glove.6B.zip")], dims=[50])[50].align(vocabulary, seed=0)`.
"""

from __future__ import annotations

import lzma
import math
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sweepkit.errors import DataError
from sweepkit.formatting import listed
from sweepkit.storage.digests import file_digest
from sweepkit.tasks.text.rounded_vectors import STEP
from sweepkit.tasks.text.vocabulary import PAD, Vocabulary

# small beside GloVe's deviation of 0.4, so that words without a vector have little effect until they are trained
_UNKNOWN_SCALE = 0.1
# NLTK distinguishes opening and closing quotes; a file may have the plain one only
_ALSO_SPELT = {"``": '"', "''": '"'}
_MEMBER = re.compile(r"(?:.*[./])?([1-9]\d{0,4})d\.txt")
_COLUMN = re.compile(r"d([1-9]\d{0,4})")
# GloVe's longest line has 4 kB; a line without an end would fill the memory
_LONGEST_LINE = 1 << 20
# what the readers raise for damaged or malicious archives
_UNREADABLE = (
    OSError, EOFError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, NotImplementedError, RuntimeError, ValueError,
    struct.error, KeyError, OverflowError,
)  # fmt: skip
_LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True, slots=True)
class Aligned:
    """Vectors in the order of a vocabulary.

    Attributes:
        matrix: <float32>[vocab, dim]; row 0 is zeros, words without a vector have small normal values.
        has_vector: <bool>[vocab], the words that have one.
    """

    matrix: NDArray[np.float32]
    has_vector: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class VectorFile:
    """The vectors of one dimension, not read yet.

    Attributes:
        path: a .zip, .txt or .parquet file.
        dim: values of a vector.
        member: the name inside of the .zip, or the column; empty for a .txt.
    """

    path: Path
    dim: int
    member: str = ""

    def digest(self) -> str:
        """Return a digest of the content; a .zip has checksums of its members, so they are not read."""
        if self.path.suffix != ".zip":
            return f"{file_digest(self.path)}:{self.member}"
        with _open_zip(self.path) as archive:
            member = archive.getinfo(self.member)
        return f"crc32:{member.CRC:08x}:{member.file_size}"

    def align(self, vocabulary: Vocabulary, *, seed: int) -> Aligned:
        """Read the vectors of a vocabulary's words.

        Args:
            vocabulary: the words.
            seed: of the values of words that have no vector.

        Raises:
            DataError: the file is malformed, or holds none of the words; names file and line.
        """
        random = np.random.default_rng((seed, self.dim))
        matrix = random.normal(0.0, _UNKNOWN_SCALE, (len(vocabulary), self.dim)).astype(np.float32)
        has_vector = np.zeros(len(vocabulary), np.bool_)
        read = self._read_parquet if self.path.suffix == ".parquet" else self._read_text
        vectors: dict[str, NDArray[np.float32]] = {}
        for word, values in read({*vocabulary.index, *_ALSO_SPELT.values()}):
            vectors.setdefault(word, values)
        for word, index in vocabulary.index.items():
            vector = vectors.get(word, vectors.get(_ALSO_SPELT.get(word, word)))
            if vector is not None:
                matrix[index], has_vector[index] = vector, True
        matrix[PAD] = 0.0
        if not has_vector.any():
            raise DataError("word vectors must fit the texts, none of the words is in this file", where=self._where)
        return Aligned(matrix, has_vector)

    @property
    def _where(self) -> str:
        return f"{self.path}/{self.member}" if self.member else str(self.path)

    def _read_text(self, vocabulary: set[str]) -> Iterator[tuple[str, NDArray[np.float32]]]:
        words = {word.encode(): word for word in vocabulary}
        with self._lines() as lines:
            for number, line in enumerate(iter(lambda: lines.readline(_LONGEST_LINE), b""), 1):
                spelling, _, values = line.rstrip().partition(b" ")
                if values.count(b" ") != self.dim - 1:
                    raise self._malformed(number, f"{len(values.split())} values")
                word = words.get(spelling)
                if word is not None:
                    yield word, self._numbers(values, number)

    @contextmanager
    def _lines(self) -> Iterator[IO[bytes]]:
        try:
            if not self.member:
                with self.path.open("rb") as file:
                    yield file
            else:
                with _open_zip(self.path) as archive, archive.open(self.member) as member:
                    yield member
        except _UNREADABLE as error:
            raise DataError(f"word vectors can't be read: {error}", where=self._where) from None

    def _numbers(self, values: bytes, line: int) -> NDArray[np.float32]:
        try:
            numbers = [float(value) for value in values.split(b" ")]
        except ValueError as error:
            raise self._malformed(line, str(error)) from None
        if not all(math.isfinite(number) and abs(number) <= _LARGEST for number in numbers):
            raise self._malformed(line, "a value that is not finite")
        return np.array(numbers, np.float32)

    def _malformed(self, line: int, seen: str) -> DataError:
        return DataError(
            f"every line must hold a word and {self.dim} numbers, with one space between; this has {seen}",
            where=f"{self._where}:{line}",
        )

    def _read_parquet(self, vocabulary: set[str]) -> Iterator[tuple[str, NDArray[np.float32]]]:
        table = _table(self.path, lambda: pq.read_table(self.path, columns=["word", self.member]))
        self._check_columns(table.schema)
        words, vectors = table.column("word"), table.column(self.member)
        if words.null_count or vectors.null_count or pc.list_flatten(vectors).null_count:
            raise DataError("every row must have a word and a vector, some have none", where=str(self.path))
        values = pc.list_flatten(vectors).to_numpy().reshape(-1, self.dim)
        for row, word in enumerate(_table(self.path, words.to_pylist)):
            if word in vocabulary:
                yield word, (values[row] * STEP).astype(np.float32)

    def _check_columns(self, schema: Any) -> None:  # pyarrow publishes no types
        names = [name for name in ("word", self.member) if len(schema.get_all_field_indices(name)) != 1]
        if names:
            raise DataError(f"there must be one column {names[0]!r}", where=str(self.path))
        word, vector = schema.field("word").type, schema.field(self.member).type
        is_vector = pa.types.is_fixed_size_list(vector) and pa.types.is_int32(vector.value_type)
        if not (pa.types.is_string(word) and is_vector and vector.list_size == self.dim):
            raise DataError(
                f"'word' must be text and {self.member!r} lists of {self.dim} int32, they are {word} and {vector}",
                where=str(self.path),
            )


def find_vectors(paths: Sequence[Path], *, dims: Iterable[int]) -> dict[int, VectorFile]:
    """Find the vectors of these dimensions in files; if several files have them, in the first.

    Raises:
        DataError: a file is missing or of an unsupported kind, or a dimension is in none of them; names it.
    """
    files: dict[int, VectorFile] = {}
    for path in paths:
        for file in _inside(path):
            files.setdefault(file.dim, file)
    missing = [dim for dim in dims if dim not in files]
    if missing:
        raise DataError(
            f"vectors of {listed(missing)} values are needed, this has {listed(sorted(files)) or 'none'}: "
            "name another file, or narrow the space to these dimensions",
            where=", ".join(str(path) for path in paths),
        )
    return {dim: files[dim] for dim in dims}


def _inside(path: Path) -> list[VectorFile]:
    if not path.is_file():
        raise DataError("there is no such file of word vectors", where=str(path))
    if path.suffix == ".zip":
        with _open_zip(path) as archive:
            names = archive.namelist()
        return [VectorFile(path, int(match[1]), name) for name in names if (match := _MEMBER.fullmatch(name))]
    if path.suffix == ".parquet":
        names = _table(path, lambda: pq.read_schema(path).names)
        return [VectorFile(path, int(match[1]), name) for name in names if (match := _COLUMN.fullmatch(name))]
    if path.suffix == ".txt":
        with _open_text(path) as file:
            return [VectorFile(path, len(file.readline(_LONGEST_LINE).split()) - 1)]
    raise DataError("word vectors must be a .zip, .txt or .parquet file", where=str(path))


@contextmanager
def _open_text(path: Path) -> Iterator[IO[bytes]]:
    try:
        with path.open("rb") as file:
            yield file
    except OSError as error:
        raise DataError(f"word vectors can't be read: {error}", where=str(path)) from None


@contextmanager
def _open_zip(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        archive = zipfile.ZipFile(path)
    except _UNREADABLE as error:
        raise DataError(f"this must be a .zip file, it can't be read: {error}", where=str(path)) from None
    with archive:
        yield archive


def _table(path: Path, read: Callable[[], Any]) -> Any:  # pyarrow publishes no types
    try:
        return read()
    except (OSError, pa.ArrowException, ValueError, OverflowError, KeyError, TypeError) as error:
        reason = str(error).partition("\n")[0]
        raise DataError(f"this must be a Parquet file, it can't be read: {reason}", where=str(path)) from None
