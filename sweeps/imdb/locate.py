"""Locate reviews and word vectors: what the user named, otherwise the user's cache, otherwise the official addresses.

Only names and tables of contents are read here; `sources` reads the texts. Try
`find_source(Data(source="sample"), need_vectors=[50]).describe()`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sweepkit.errors import DataError
from sweepkit.tasks.text import VectorFile, find_vectors, tables

from .sources import FOLDERS, SPLITS, ArchiveTexts, FolderTexts, ReviewSource, TableTexts, Texts
from .space import Data

SAMPLE = Path(__file__).parent / "sample"


@dataclass(frozen=True, slots=True)
class Download:
    """A file at an official address; `known_hash` as pooch writes it."""

    url: str
    known_hash: str
    what: str
    instead: str

    @property
    def name(self) -> str:
        return self.url.rpartition("/")[2]


REVIEWS = Download(
    "https://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz",
    "md5:7c2ac02c03563afcf9b574c7e56c153a",
    "the reviews",
    "name them with --data: the archive, its folder, a Parquet or CSV file, or 'sample' for the shipped 7,500",
)
VECTORS = Download(
    "https://nlp.stanford.edu/data/glove.6B.zip",
    "sha256:617afb2fe6cbd085c235baf7a465b96f4112bd7f7ccb2b2cbd649fed9cbcf2fb",
    "the GloVe vectors",
    "name them with data.vectors, put glove.6B.zip beside what --data names, use --data sample, "
    "or narrow space.embedding to scratch",
)
_ARCHIVES = (".tar.gz", ".tgz")
_KINDS = (*_ARCHIVES, *tables.SUFFIXES)


def find_source(settings: Data, *, need_vectors: Sequence[int]) -> ReviewSource:
    """Locate the reviews, and word vectors of these dimensions; download what is not on this machine.

    Raises:
        DataError: a named file is missing or of an unsupported kind, or a download failed.
    """
    texts = _find_texts(settings.source)
    return ReviewSource(texts, _find_vectors(settings, need_vectors) if need_vectors else {})


def _find_texts(source: str | None) -> Texts:
    if source == "sample":
        return TableTexts(SAMPLE / "reviews.parquet")
    if source is None:
        return ArchiveTexts(_cached(REVIEWS))
    path = _path(source)
    if path.is_dir():
        return _in_folder(path)
    if not path.exists():
        raise DataError(
            "there is no such file or folder: --data and data.source take the archive, its folder, a Parquet or "
            "CSV file, or 'sample'",
            where=source,
        )
    if path.name.endswith(_ARCHIVES):
        return ArchiveTexts(path)
    if path.suffix in tables.SUFFIXES:
        return TableTexts(path)
    raise DataError(f"reviews must be a folder, or a file that ends in {', '.join(_KINDS)}", where=source)


def _path(text: str) -> Path:
    """Return the path that a user named.

    Raises:
        DataError: the path is not valid, or not accessible.
    """
    try:
        path = Path(text).expanduser()
        path.exists()
    except (OSError, RuntimeError) as error:  # a name that is too long, a folder without access, no such user
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise DataError(f"this path cannot be accessed: {str(reason).lower()}", where=text) from None
    return path


def _in_folder(folder: Path) -> Texts:
    """Return the reviews in a folder: extracted texts, otherwise the archive, otherwise a table."""
    for root in (folder, folder / "aclImdb"):
        if any((root / split / label).is_dir() for split in SPLITS for label in FOLDERS):
            return FolderTexts(root)
    archives = [path for path in sorted(folder.iterdir()) if path.name.endswith(_ARCHIVES)]
    if archives:
        return ArchiveTexts(_only(archives, folder))
    with_texts = [
        path for path in sorted(folder.iterdir()) if path.suffix in tables.SUFFIXES and tables.has_texts(path)
    ]
    if with_texts:
        return TableTexts(_only(with_texts, folder))
    raise DataError(
        f"this folder has no reviews: it must have train/pos and so on, {REVIEWS.name}, or a Parquet or CSV file "
        "with the columns text and label",
        where=str(folder),
    )


def _only(paths: list[Path], folder: Path) -> Path:
    official = [path for path in paths if path.name == REVIEWS.name]
    if len(paths) > 1 and not official:
        names = ", ".join(path.name for path in paths)
        raise DataError(f"several files here may hold the reviews, name one of them: {names}", where=str(folder))
    return (official or paths)[0]


def _find_vectors(settings: Data, dims: Sequence[int]) -> dict[int, VectorFile]:
    """Look in the named file, otherwise beside the reviews, otherwise in the cache and at the official address."""
    if settings.vectors is not None:
        path = _path(settings.vectors)
        return find_vectors((_vector_files(path) if path.is_dir() else None) or [path], dims=dims)
    if settings.source == "sample":
        return find_vectors([SAMPLE / "vectors.parquet"], dims=dims)
    for folder in _folders_beside(settings.source):
        if files := _vector_files(folder):
            return find_vectors(files, dims=dims)
    return find_vectors([_cached(VECTORS)], dims=dims)


def _folders_beside(source: str | None) -> list[Path]:
    if source is None:
        return []
    path = _path(source).absolute()
    return [path, path.parent] if path.is_dir() else [path.parent]


def _vector_files(folder: Path) -> list[Path]:
    return [path for path in (folder / VECTORS.name, *sorted(folder.glob("glove*.txt"))) if path.is_file()]


def _cached(download: Download) -> Path:
    """Return a file of the user's cache, downloaded on first use."""
    # here, not above: most sources need no download, and the import takes 0.1 s
    import pooch

    pooch.get_logger().setLevel("WARNING")
    folder = Path(pooch.os_cache("sweepkit"))
    if (folder / download.name).is_file():
        # pooch verified it after the download
        return folder / download.name
    try:
        fetched = pooch.retrieve(download.url, download.known_hash, fname=download.name, path=folder, progressbar=True)
    except (OSError, ValueError) as error:  # no network, no space, or another checksum
        reason = str(error).partition("\n")[0]
        raise DataError(
            f"{download.what} can't be downloaded: {reason}; {download.instead}", where=download.url
        ) from None
    return Path(fetched)
