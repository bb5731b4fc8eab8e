"""Archives and tables from elsewhere write nothing, fill no memory, and are refused in words."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
import tracemalloc
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sweepkit.errors import DataError
from sweepkit.tasks.text.tables import read_table
from sweepkit.tasks.text.vocabulary import Vocabulary
from sweepkit.tasks.text.word_vectors import find_vectors
from sweeps.imdb import locate
from sweeps.imdb.sources import ArchiveTexts, FolderTexts

WORDS = Vocabulary.build({"good": 3, "bad": 2}, max_size=10, min_frequency=1)
MB = 1 << 20


@contextmanager
def memory_below(limit: int) -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < limit
    finally:
        tracemalloc.stop()


def nothing(*_: object) -> None:
    """Hear of no progress."""


def member(name: str, kind: bytes = tarfile.REGTYPE, **facts: Any) -> tarfile.TarInfo:
    found = tarfile.TarInfo(name)
    found.type = kind
    for key, value in facts.items():
        setattr(found, key, value)
    return found


def archive(path: Path, *members: tarfile.TarInfo, text: bytes = b"good") -> ArchiveTexts:
    """Write an archive with one good text and these members, whose own content is that text."""
    with tarfile.open(path, "w:gz", format=tarfile.GNU_FORMAT) as file:
        for one in (member("x/train/pos/0.txt"), *members):
            one.size = len(text) if one.isfile() else 0
            file.addfile(one, io.BytesIO(text) if one.isfile() else None)
    return ArchiveTexts(path)


class TestTar:
    @pytest.mark.parametrize(
        "name", ["../../train/pos/1.txt", "/train/pos/1.txt", "a/../../../../../train/neg/1.txt", "C:/train/pos/1.txt"]
    )
    def test_names_that_lead_outside_write_nothing(self, tmp_path: Path, name: str) -> None:
        (tmp_path / "in").mkdir()
        found = archive(tmp_path / "in" / "a.tar.gz", member(name)).read(nothing)
        assert found.texts == ["good", "good"]
        assert [path.name for path in tmp_path.rglob("*")] == ["in", "a.tar.gz"]

    @pytest.mark.parametrize(
        "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE]
    )
    def test_links_and_devices_are_passed_over(self, tmp_path: Path, kind: bytes) -> None:
        strange = member("x/train/pos/1.txt", kind, linkname="/etc/passwd", devmajor=1, devminor=5)
        assert archive(tmp_path / "a.tar.gz", strange).read(nothing).texts == ["good"]
        assert [path.name for path in tmp_path.iterdir()] == ["a.tar.gz"]

    @pytest.mark.parametrize("size", [1 << 40, 17 << 20])
    def test_a_size_that_is_a_lie_takes_no_memory(self, tmp_path: Path, size: int) -> None:
        header = member("x/train/pos/1.txt", size=size).tobuf(tarfile.GNU_FORMAT)
        (tmp_path / "a.tar.gz").write_bytes(gzip.compress(header + b"good" + b"\0" * 1020))
        with memory_below(50 * MB), pytest.raises(DataError):
            ArchiveTexts(tmp_path / "a.tar.gz").read(nothing)

    def test_a_huge_text_is_refused(self, tmp_path: Path) -> None:
        with memory_below(60 * MB), pytest.raises(DataError, match="a text has at most 16,777,216 bytes"):
            archive(tmp_path / "a.tar.gz", text=b"\0" * (17 << 20)).read(nothing)

    @pytest.mark.slow  # in memory: a quarter of a gigabyte is unpacked
    def test_a_bomb_in_a_header_is_refused(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        # a name of 2 GB, which tarfile would read whole
        header = member("././@LongLink", tarfile.GNUTYPE_LONGNAME, size=2 << 30).tobuf(tarfile.GNU_FORMAT)
        with gzip.open(tmp_path / "a.tar.gz", "wb", compresslevel=1) as file:
            file.write(header)
            for _ in range(256):
                file.write(b"x" * MB)
        with memory_below(400 * MB), pytest.raises(DataError, match="unpacks to far more than"):
            ArchiveTexts(tmp_path / "a.tar.gz").read(nothing)


class TestFolders:
    def folder(self, root: Path) -> Path:
        (root / "train" / "pos").mkdir(parents=True)
        (root / "train" / "pos" / "0.txt").write_text("good")
        return root

    def test_a_pipe_is_not_waited_for(self, tmp_path: Path) -> None:
        os.mkfifo(self.folder(tmp_path) / "train" / "pos" / "1.txt")
        with pytest.raises(DataError, match=r"1\.txt: this must be a file"):
            FolderTexts(tmp_path).read(nothing)

    def test_a_huge_text_is_refused(self, tmp_path: Path) -> None:
        with (self.folder(tmp_path) / "train" / "pos" / "1.txt").open("wb") as file:
            file.truncate(1 << 30)
        with pytest.raises(DataError, match="a text has at most"):
            FolderTexts(tmp_path).read(nothing)

    def test_a_link_to_nothing_is_named(self, tmp_path: Path) -> None:
        (self.folder(tmp_path) / "train" / "pos" / "1.txt").symlink_to("nowhere")
        with pytest.raises(DataError, match=r"1\.txt"):
            FolderTexts(tmp_path).digest()

    @pytest.mark.parametrize("source", ["x" * 300, "~nobody-here/data"])
    def test_a_place_that_cannot_be_is_refused(self, source: str) -> None:
        with pytest.raises(DataError, match="this path cannot be accessed"):
            locate._find_texts(source)


class TestZip:
    def write(self, path: Path, content: bytes, name: str = "glove.2d.txt", kind: int = zipfile.ZIP_DEFLATED) -> Path:
        with zipfile.ZipFile(path, "w", kind) as file:
            file.writestr(name, content)
        return path

    @pytest.mark.parametrize("name", ["../../glove.2d.txt", "/etc/glove.2d.txt", "..\\glove.2d.txt"])
    def test_names_that_lead_outside_write_nothing(self, tmp_path: Path, name: str) -> None:
        path = self.write(tmp_path / "glove.zip", b"good 1 2\n", name)
        assert find_vectors([path], dims=[2])[2].align(WORDS, seed=0).has_vector.any()
        assert list(tmp_path.rglob("*")) == [path]

    @pytest.mark.slow
    def test_a_bomb_without_an_end_of_line_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "glove.zip"
        with (
            zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file,
            file.open("a.2d.txt", "w") as out,
        ):
            for _ in range(200):
                out.write(b"0" * MB)
        with memory_below(20 * MB), pytest.raises(DataError, match="every line must hold a word"):
            find_vectors([path], dims=[2])[2].align(WORDS, seed=0)

    def test_a_text_without_an_end_of_line_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "glove.txt"
        with path.open("wb") as file:
            file.truncate(1 << 30)
        with memory_below(20 * MB), pytest.raises(DataError):
            find_vectors([path], dims=[2])

    def test_an_encrypted_member_is_refused(self, tmp_path: Path) -> None:
        path = self.write(tmp_path / "glove.zip", b"good 1 2\n")
        content = bytearray(path.read_bytes())
        content[6] |= 1
        content[content.index(b"PK\1\2") + 8] |= 1
        path.write_bytes(content)
        with pytest.raises(DataError, match="encrypted"):
            find_vectors([path], dims=[2])[2].align(WORDS, seed=0)

    @pytest.mark.parametrize("name", ["9" * 5000 + "d.txt", "0d.txt"])
    def test_a_dimension_that_is_none_is_no_dimension(self, tmp_path: Path, name: str) -> None:
        path = self.write(tmp_path / "glove.zip", b"good 1 2\n", name)
        with pytest.raises(DataError, match="vectors of 2 values are needed"):
            find_vectors([path], dims=[2])

    def test_a_number_beyond_float32_is_refused(self, tmp_path: Path) -> None:
        path = self.write(tmp_path / "glove.zip", b"good 1e300 2\n")
        with pytest.raises(DataError, match="not finite"):
            find_vectors([path], dims=[2])[2].align(WORDS, seed=0)


GOOD = pa.FixedSizeListArray.from_arrays(pa.array([1, 2, 3, 4], pa.int32()), 2)


@pytest.mark.parametrize(
    "columns",
    [
        [("d2", GOOD)],
        [("word", pa.array([1, 2])), ("d2", GOOD)],
        [("word", pa.array(["a", None])), ("d2", GOOD)],
        [("word", pa.array(["good", "b"])), ("d2", pa.array([1, 2]))],
        [("word", pa.array(["good", "b"])), ("d2", pa.array([[1, 2], [3]]))],
        [("word", pa.array(["good", "b"])), ("d2", pa.array([[1, 2], None], pa.list_(pa.int32(), 2)))],
        [("word", pa.array(["good", "b"])), ("d2", pa.array([[1, None], [1, 2]], pa.list_(pa.int32(), 2)))],
        [("word", pa.array(["good", "b"])), ("d2", pa.array([["a", "b"], ["c", "d"]], pa.list_(pa.string(), 2)))],
        [("word", pa.array(["good", "b"])), ("d2", GOOD), ("d2", GOOD)],
        [("word", pa.array([b"\xff", b"b"])), ("d2", GOOD)],
    ],
)
def test_vectors_of_other_types_are_refused(tmp_path: Path, columns: list[tuple[str, Any]]) -> None:
    table = pa.Table.from_arrays([column for _, column in columns], names=[name for name, _ in columns])
    pq.write_table(table, tmp_path / "vectors.parquet")
    with pytest.raises(DataError):
        find_vectors([tmp_path / "vectors.parquet"], dims=[2])[2].align(WORDS, seed=0)


TEXT = ("text", pa.array(["a", "b"]))


@pytest.mark.parametrize(
    "columns",
    [
        [TEXT, TEXT, ("label", pa.array([0, 1]))],
        [TEXT, ("label", pa.array([0, 1])), ("label", pa.array([0, 1]))],
        [TEXT, ("label", pa.array([[0], [1]]))],
        [TEXT, ("label", pa.array([{"a": 0}, {"a": 1}]))],
        [TEXT, ("label", pa.array([2**62, 0], pa.timestamp("us")))],
        [TEXT, ("label", pa.array([np.nan, 1.0]))],
        [TEXT, ("label", pa.array([0, 1])), ("split", pa.array([1, 2]))],
        [TEXT, ("label", pa.array([0, 1])), ("split", pa.array([["train"], None]))],
        [("text", pa.array([{"a": 0}, {"a": 1}])), ("label", pa.array([0, 1]))],
        [("text", pa.array([b"\xff", b"b"])), ("label", pa.array([0, 1]))],
        [TEXT, ("label", pa.array(["x" * 10_000, "1"]))],
    ],
)
def test_tables_of_other_types_are_refused(tmp_path: Path, columns: list[tuple[str, Any]]) -> None:
    table = pa.Table.from_arrays([column for _, column in columns], names=[name for name, _ in columns])
    pq.write_table(table, tmp_path / "rows.parquet")
    with pytest.raises(DataError) as caught:
        read_table(tmp_path / "rows.parquet")
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize("content", ["text,text,label\na,b,1\n", "text,label\na,\x001\n", "text,label\n\xff,1\n", ""])
def test_csv_files_of_other_shapes_are_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "rows.csv").write_bytes(content.encode("latin-1"))
    with pytest.raises(DataError):
        read_table(tmp_path / "rows.csv")


@pytest.mark.parametrize("content", [b"\xff\xfe", b"", b"<pad>\n<unknown>", b"\0" * 100])
def test_a_vocabulary_of_other_content_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "vocabulary.txt").write_bytes(content)
    with pytest.raises(DataError, match="vocabulary"):
        Vocabulary.load(tmp_path / "vocabulary.txt")
