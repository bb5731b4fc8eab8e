"""Archives, tables, vectors and records that went wrong: reading them works or is a DataError, and writes nothing."""

from __future__ import annotations

import contextlib
import functools
import gzip
import io
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sweepkit.data.rows import Rows
from sweepkit.errors import InputError
from sweepkit.tasks.text import tables
from sweepkit.tasks.text.rounded_vectors import write_rounded
from sweepkit.tasks.text.vocabulary import Vocabulary
from sweepkit.tasks.text.word_vectors import find_vectors
from sweeps.imdb.sources import ArchiveTexts

WORDS = Vocabulary.build({"good": 3, "bad": 2, "film": 1}, max_size=10, min_frequency=1)
TEXTS = ["a good film", "a bad film", "good, good", "bad"]
SETTINGS = {
    "derandomize": True,
    "database": None,
    "deadline": None,
    "suppress_health_check": [HealthCheck.too_slow, HealthCheck.data_too_large],
}


def tar() -> bytes:
    """An archive in the published layout, not compressed yet."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        for row, text in enumerate(TEXTS):
            member = tarfile.TarInfo(
                f"aclImdb/{'train' if row < 2 else 'test'}/{'pos' if row % 2 else 'neg'}/{row}.txt"
            )
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    return content.getvalue()


def vector_zip() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("glove.3d.txt", "good 0.1 0.2 0.3\nbad -1 0 1e-3\nfilm 0 0 0\n" * 3)
    return content.getvalue()


def vector_table() -> bytes:
    content = io.BytesIO()
    write_rounded(content, ["good", "bad", "film"], {3: np.arange(9, dtype=np.float32).reshape(3, 3)})  # type: ignore[arg-type]
    return content.getvalue()


def table() -> pa.Table:
    return pa.table({"text": TEXTS, "label": [0, 1, 0, 1], "split": ["train", "train", "test", "train"]})


def parquet() -> bytes:
    content = io.BytesIO()
    pq.write_table(table(), content)
    return content.getvalue()


def csv() -> bytes:
    content = io.BytesIO()
    pacsv.write_csv(table(), content)
    return content.getvalue()


@functools.cache
def shard() -> bytes:
    from sweepkit.data import tfrecords  # imports TensorFlow

    return tfrecords.shard_bytes(Rows.of([[3, 4, 2], [5, 2], [2]], [0, 1, 1]))


def read_vectors(path: Path) -> int:
    return int(find_vectors([path], dims=[3])[3].align(WORDS, seed=0).has_vector.sum())


def read_shard(path: Path) -> int:
    from sweepkit.data import tfrecords

    return len(tfrecords.read_shards([path]))


def read_archive(path: Path) -> int:
    return len(ArchiveTexts(path).read(lambda *_: None).texts)


def read_table(path: Path) -> int:
    return len(tables.read_table(path).texts)


def compressed(content: bytes) -> bytes:
    return gzip.compress(content, 1, mtime=0)


Change = tuple[str, float, int, bytes]
Kind = tuple[Callable[[], bytes], str, Callable[[bytes], bytes], Callable[[Path], int], int]
# the content, its file's name, how it is packed after it was damaged, and who reads how many rows or words from it
KINDS: dict[str, Kind] = {
    "archive": (tar, "a.tar.gz", compressed, read_archive, 4),
    "packed archive": (lambda: compressed(tar()), "a.tar.gz", bytes, read_archive, 4),
    "zip": (vector_zip, "glove.zip", bytes, read_vectors, 3),
    "text": (lambda: b"good 0.1 0.2 0.3\nbad -1 0 1e-3\n", "glove.txt", bytes, read_vectors, 2),
    "vectors": (vector_table, "vectors.parquet", bytes, read_vectors, 3),
    "csv": (csv, "rows.csv", bytes, read_table, 4),
    "parquet": (parquet, "rows.parquet", bytes, read_table, 4),
}
RECORDS = (shard, "train.tfrecord", bytes, read_shard, 3)


NASTY = (
    *(b"\xff" * 8, b"\x80" + b"\xff" * 11, b"99999999999\0", b"-1", b"\0" * 512, b"../../up", b"1e999", b"nan"),
    *(b'"', b"\n", b"L", b"x", b"2", b"\0"),
)


@st.composite
def mutations(draw: st.DrawFn) -> list[Change]:
    """Some changes: kind, place as a fraction of the file, length, and bytes to put there."""
    kinds = st.sampled_from(("flip", "cut", "repeat", "insert", "overwrite", "end"))
    new = st.binary(min_size=1, max_size=12) | st.sampled_from(NASTY)
    return draw(st.lists(st.tuples(kinds, st.floats(0, 1), st.integers(1, 600), new), min_size=1, max_size=4))


def mutated(content: bytes, changes: list[Change]) -> bytes:
    found = bytearray(content)
    for kind, place, length, new in changes:
        at = int(place * len(found))
        if kind == "flip" and at < len(found):
            found[at] ^= 1 << length % 8
        elif kind == "cut":
            del found[at : at + length]
        elif kind == "repeat":
            found[at:at] = found[at : at + length]
        elif kind == "insert":
            found[at:at] = new
        elif kind == "overwrite":
            found[at : at + len(new)] = new
        elif kind == "end":
            del found[at:]
    return bytes(found)


def assert_read_or_refused(folder: Path, kind: Kind, changes: list[Change]) -> None:
    make, name, pack, read, _ = kind
    path = folder / name
    path.write_bytes(pack(mutated(make(), changes)))
    with contextlib.suppress(InputError):
        read(path)
    path.unlink()
    assert list(folder.iterdir()) == []


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_whole_is_read(folder: Path, kind: str) -> None:
    make, name, pack, read, n_expected = KINDS[kind]
    (folder / name).write_bytes(pack(make()))
    assert read(folder / name) == n_expected
    (folder / name).unlink()


@pytest.mark.parametrize("kind", KINDS)
@given(changes=mutations())
@settings(max_examples=10, **SETTINGS)
def test_what_is_damaged_is_read_or_refused(folder: Path, kind: str, changes: list[Change]) -> None:
    assert_read_or_refused(folder, KINDS[kind], changes)


@pytest.mark.faults
@pytest.mark.parametrize("kind", KINDS)
@given(changes=mutations())
@settings(max_examples=200, **SETTINGS)
def test_200_damaged_files_of_each_kind_are_read_or_refused(folder: Path, kind: str, changes: list[Change]) -> None:
    assert_read_or_refused(folder, KINDS[kind], changes)


@pytest.mark.tf
@given(changes=mutations())
@settings(max_examples=10, **SETTINGS)
def test_damaged_records_are_read_or_refused(folder: Path, changes: list[Change]) -> None:
    assert_read_or_refused(folder, RECORDS, changes)


@pytest.mark.faults
@pytest.mark.tf
@given(changes=mutations())
@settings(max_examples=200, **SETTINGS)
def test_200_damaged_shards_are_read_or_refused(folder: Path, changes: list[Change]) -> None:
    assert_read_or_refused(folder, RECORDS, changes)
