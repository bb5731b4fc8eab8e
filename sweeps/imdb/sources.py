"""Reviews in three shapes: the published archive, its extracted folder, and a table. `locate` finds them.

All three give the same texts, so that everything after `read` is the same. Nothing is extracted to disk. Try
`ArchiveTexts(Path("aclImdb_v1.tar.gz")).read(print)`.
"""

from __future__ import annotations

import gzip
import os
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np

from sweepkit.data import Progress
from sweepkit.errors import DataError
from sweepkit.storage.digests import file_digest, json_digest
from sweepkit.tasks.text import LabelledTexts, VectorFile, tables

SPLITS = ("train", "test")
FOLDERS = {"neg": 0, "pos": 1}
_READING = "reading texts"
_PROGRESS_EVERY = 1_000
_LARGEST_TEXT = 16 << 20  # the longest published one has 14 kB
_TOO_LARGE = f"a text has at most {_LARGEST_TEXT:,} bytes, this has more"


class Texts(Protocol):
    """One shape that reviews come in."""

    def digest(self) -> str:
        """Return a digest of the content."""
        ...

    def describe(self) -> str:
        """Return which file or folder it is."""
        ...

    def read(self, progress: Progress) -> LabelledTexts:
        """Read all texts; DataError if the source is malformed."""
        ...


@dataclass(frozen=True)
class ReviewSource:
    """Reviews and the word vectors for them; implements `sweepkit.tasks.text.Source`."""

    texts: Texts
    vectors: Mapping[int, VectorFile]

    def digest(self) -> str:
        """Return a digest of texts and vectors."""
        return self._digest

    @cached_property
    def _digest(self) -> str:
        vectors = {str(dim): file.digest() for dim, file in self.vectors.items()}
        return json_digest({"texts": self.texts.digest(), "vectors": vectors})

    def describe(self) -> str:
        """Return where the texts come from."""
        return self.texts.describe()

    def read(self, progress: Progress) -> LabelledTexts:
        """Read all texts.

        Raises:
            DataError: the source is malformed; names the file.
        """
        return self.texts.read(progress)


@dataclass(frozen=True, slots=True)
class TableTexts:
    """A Parquet or CSV file."""

    path: Path

    def digest(self) -> str:
        return file_digest(self.path)

    def describe(self) -> str:
        return str(self.path)

    def read(self, progress: Progress) -> LabelledTexts:
        progress(_READING, 0, 1)
        texts = tables.read_table(self.path)
        progress(_READING, 1, 1)
        return texts


@dataclass(frozen=True, slots=True)
class ArchiveTexts:
    """A .tar.gz in the published layout, below any folder: train/pos/0_9.txt and so on. Read as a stream, once."""

    path: Path

    def digest(self) -> str:
        return file_digest(self.path)

    def describe(self) -> str:
        return str(self.path)

    def read(self, progress: Progress) -> LabelledTexts:
        reviews = _Reviews(str(self.path))
        n_bytes = self.path.stat().st_size if self.path.exists() else 0
        with self._unreadable_as_error(), self.path.open("rb") as file, gzip.open(file) as stream:
            unpacked = _Bounded(stream, _unpacked_limit(n_bytes), self.path)
            with tarfile.open(fileobj=unpacked, mode="r|") as archive:  # type: ignore[call-overload]  # it has `read`
                for member in archive:
                    if member.isfile() and is_text(member.name):
                        reviews.add(member.name, self._content(archive, member))
                        if len(reviews.texts) % _PROGRESS_EVERY == 0:
                            progress(_READING, file.tell(), n_bytes)
            # the rest has no texts, but the checksum of everything before it
            while unpacked.read(1 << 20):
                pass
        progress(_READING, n_bytes, n_bytes)
        return reviews.complete()

    def _content(self, archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
        """Read a file into memory; nothing of an archive is written to disk."""
        if member.size > _LARGEST_TEXT:
            raise DataError(_TOO_LARGE, where=f"{self.path}/{member.name}")
        content = archive.extractfile(member)
        return content.read() if content else b""

    @contextmanager
    def _unreadable_as_error(self) -> Iterator[None]:
        try:
            yield
        except (OSError, EOFError, tarfile.TarError, zlib.error, ValueError, OverflowError) as error:
            raise DataError(
                f"this must be an intact .tar.gz archive, it can't be read: {error}; download it again",
                where=str(self.path),
            ) from None


class _Bounded:
    """A stream with a limit, against archives that unpack to far more than texts do."""

    def __init__(self, stream: gzip.GzipFile, limit: int, path: Path) -> None:
        self._stream, self._left, self._path = stream, limit, path

    def read(self, size: int = -1) -> bytes:
        content = self._stream.read(size)
        self._left -= len(content)
        if self._left < 0:
            raise DataError("this unpacks to far more than an archive of texts has", where=str(self._path))
        return content


def _unpacked_limit(n_bytes: int) -> int:
    """Return to how many bytes an archive may unpack; texts shrink to a quarter, headers to almost nothing."""
    return min(64 * n_bytes + (64 << 20), 4 << 30)


@dataclass(frozen=True, slots=True)
class FolderTexts:
    """The extracted archive; `path` holds train and test."""

    path: Path

    def digest(self) -> str:
        """Return a digest of names, sizes and times of change: reading 50,000 files would delay every command."""
        try:
            entries = [(name, entry.stat().st_size, entry.stat().st_mtime_ns) for name, entry in self._files()]
        except OSError as error:  # a link to nothing
            raise DataError(f"the files can't be listed: {error.strerror}", where=str(error.filename)) from None
        return json_digest(entries)

    def describe(self) -> str:
        return str(self.path)

    def read(self, progress: Progress) -> LabelledTexts:
        files = self._files()
        reviews = _Reviews(str(self.path))
        for done, (name, entry) in enumerate(files):
            if done % _PROGRESS_EVERY == 0:
                progress(_READING, done, len(files))
            try:
                reviews.add(name, _content(entry))
            except OSError as error:
                raise DataError(f"the file can't be read: {error.strerror}", where=entry.path) from None
        progress(_READING, len(files), len(files))
        return reviews.complete()

    def _files(self) -> list[tuple[str, os.DirEntry[str]]]:
        files = []
        for split in SPLITS:
            for folder in FOLDERS:
                inside = self.path / split / folder
                entries = os.scandir(inside) if inside.is_dir() else ()
                files += [(f"{split}/{folder}/{entry.name}", entry) for entry in entries]
        return sorted((item for item in files if is_text(item[0])), key=lambda item: item[0])


def _content(entry: os.DirEntry[str]) -> bytes:
    if not entry.is_file():  # reading a pipe or a device may never end
        raise DataError("this must be a file", where=entry.path)
    if entry.stat().st_size > _LARGEST_TEXT:
        raise DataError(_TOO_LARGE, where=entry.path)
    return Path(entry.path).read_bytes()


def is_text(name: str) -> bool:
    """Return whether a file's name ends like train/pos/0_9.txt; False in unsup and other folders."""
    parts = name.split("/")[-3:]
    if len(parts) < 3:
        return False
    split, folder, file = parts
    return split in SPLITS and folder in FOLDERS and file.endswith(".txt") and not file.startswith(".")


@dataclass(slots=True)
class _Reviews:
    """The reviews read so far."""

    where: str
    texts: list[str] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)
    is_test: list[bool] = field(default_factory=list)
    places: list[str] = field(default_factory=list)

    def add(self, name: str, content: bytes) -> None:
        split, folder, _ = name.split("/")[-3:]
        try:
            self.texts.append(content.decode("utf-8"))
        except UnicodeDecodeError as error:
            raise DataError(f"texts must be UTF-8: {error}", where=f"{self.where}/{name}") from None
        self.labels.append(FOLDERS[folder])
        self.is_test.append(split == "test")
        self.places.append(name)

    def complete(self) -> LabelledTexts:
        if not self.texts:
            raise DataError("there must be files like train/pos/0_9.txt in it, there are none", where=self.where)
        return LabelledTexts(self.texts, np.array(self.labels, np.int8), np.array(self.is_test, np.bool_), self.places)
