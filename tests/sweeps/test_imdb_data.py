"""Where reviews and vectors are found, how each source is read, what is said of bad ones, and the shipped sample."""

from __future__ import annotations

import gzip
import hashlib
import http.server
import io
import os
import tarfile
import threading
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from imdb import data, locate
from imdb.locate import SAMPLE, find_source
from imdb.sources import ArchiveTexts, FolderTexts, TableTexts
from imdb.space import SPACE, Data

from sweepkit.errors import DataError
from sweepkit.tasks.text.source import LabelledTexts
from sweepkit.tasks.text.text import clean

TEXTS = {
    "train/pos/0_9.txt": "Good.<br />Very good.",
    "train/pos/1_8.txt": "Fine café",
    "train/neg/0_2.txt": "Bad",
    "test/neg/0_1.txt": "Awful",
    "test/pos/0_10.txt": "Great",
}
IGNORED = {"train/unsup/0_0.txt": "Unsaid", "train/urls_pos.txt": "http", "README": "x", "train/pos/._0_9.txt": "x"}
ROWS = {(text, int("pos" in name), "test" in name) for name, text in TEXTS.items()}
TABLE = "text,label,split\nGood.<br />Very good.,1,train\nFine café,1,train\nBad,0,train\nAwful,0,test\nGreat,1,test\n"


def write_archive(path: Path, files: dict[str, str | bytes] = TEXTS | IGNORED, prefix: str = "aclImdb/") -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, text in files.items():
            content = text.encode() if isinstance(text, str) else text
            info = tarfile.TarInfo(prefix + name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def write_folder(path: Path, files: dict[str, str] = TEXTS | IGNORED) -> Path:
    for name, text in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(text, encoding="utf-8")
    return path


def write_vectors(path: Path, dims: tuple[int, ...] = (50, 100)) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for dim in dims:
            archive.writestr(f"glove.6B.{dim}d.txt", "good" + " 1" * dim + "\n")
    return path


def read(source: str | None) -> LabelledTexts:
    return find_source(Data(source=source), need_vectors=()).read(lambda *_: None)


def rows(found: LabelledTexts) -> set[tuple[str, int, bool]]:
    return set(zip(found.texts, found.labels.tolist(), found.is_test.tolist(), strict=True))


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "cache" / "sweepkit").mkdir(parents=True)
    return tmp_path / "cache" / "sweepkit"


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """The official addresses, at a port where nobody listens."""
    for name in ("REVIEWS", "VECTORS"):
        download = getattr(locate, name)
        monkeypatch.setattr(locate, name, replace(download, url=f"http://127.0.0.1:9/{download.name}"))


@pytest.mark.parametrize("prefix", ["aclImdb/", "", "./", "some/where/else/"])
def test_an_archive_is_read_whatever_folder_it_was_packed_in(tmp_path: Path, prefix: str) -> None:
    assert rows(read(str(write_archive(tmp_path / "any.tgz", prefix=prefix)))) == ROWS


def test_an_extracted_folder_is_read(tmp_path: Path) -> None:
    assert rows(read(str(write_folder(tmp_path / "aclImdb")))) == ROWS


def test_a_table_is_read(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text(TABLE, encoding="utf-8")
    assert rows(read(str(tmp_path / "rows.csv"))) == ROWS


def test_nothing_is_written_beside_an_archive(tmp_path: Path) -> None:
    read(str(write_archive(tmp_path / "a.tar.gz", TEXTS | {"../../train/pos/7_7.txt": "Sly"})))
    assert [path.name for path in tmp_path.iterdir()] == ["a.tar.gz"]


def test_a_folder_is_looked_into_in_this_order(tmp_path: Path) -> None:
    kinds = []
    (tmp_path / "numbers.csv").write_text("word,count\na,1\n")
    (tmp_path / "rows.csv").write_text(TABLE, encoding="utf-8")
    kinds.append(find_source(Data(source=str(tmp_path)), need_vectors=()).texts)
    write_archive(tmp_path / "aclImdb_v1.tar.gz")
    write_archive(tmp_path / "another.tar.gz")
    kinds.append(find_source(Data(source=str(tmp_path)), need_vectors=()).texts)
    write_folder(tmp_path / "aclImdb")
    kinds.append(find_source(Data(source=str(tmp_path)), need_vectors=()).texts)
    assert kinds == [
        TableTexts(tmp_path / "rows.csv"),
        ArchiveTexts(tmp_path / "aclImdb_v1.tar.gz"),
        FolderTexts(tmp_path / "aclImdb"),
    ]


@pytest.mark.parametrize("names", [["a.csv", "b.csv"], ["a.tar.gz", "b.tgz"]])
def test_a_folder_with_several_candidates_is_refused(tmp_path: Path, names: list[str]) -> None:
    for name in names:
        (tmp_path / name).write_text(TABLE, encoding="utf-8")
    with pytest.raises(DataError, match=f"name one of them: {', '.join(names)}"):
        find_source(Data(source=str(tmp_path)), need_vectors=())


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing", "there is no such file or folder: --data and data.source take the archive"),
        ("notes.md", "or a file that ends in .tar.gz, .tgz, .parquet, .csv"),
        ("empty", "this folder has no reviews: it must have train/pos and so on, aclImdb_v1.tar.gz"),
    ],
)
def test_what_is_no_source_is_refused(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "notes.md").write_text("notes")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError) as caught:
        read(str(tmp_path / name))
    assert message in str(caught.value)
    assert str(tmp_path / name) in str(caught.value)


def damaged(path: Path, damage: str) -> None:
    content = path.read_bytes()
    if damage == "cut":
        path.write_bytes(content[: len(content) // 2])
    elif damage == "flip":
        path.write_bytes(content[:-6] + bytes([content[-6] ^ 1]) + content[-5:])
    elif damage == "no gzip":
        path.write_bytes(b"garbage" * 100)
    elif damage == "no tar":
        path.write_bytes(gzip.compress(b"garbage" * 500))
    else:
        path.unlink()


@pytest.mark.parametrize("damage", ["cut", "flip", "no gzip", "no tar", "vanished"])
def test_a_damaged_archive_is_named_with_what_to_do(tmp_path: Path, damage: str) -> None:
    path = write_archive(tmp_path / "a.tar.gz", {f"train/pos/{i}_9.txt": os.urandom(300).hex() for i in range(50)})
    source = find_source(Data(source=str(path)), need_vectors=())
    damaged(path, damage)
    with pytest.raises(
        DataError, match=r"must be an intact \.tar\.gz archive, it can't be read: .*; download it"
    ) as caught:
        source.read(lambda *_: None)
    assert str(caught.value).startswith(f"{path}: ")


def test_an_archive_of_something_else_is_refused(tmp_path: Path) -> None:
    path = write_archive(tmp_path / "a.tar.gz", IGNORED)
    with pytest.raises(DataError, match=r"there must be files like train/pos/0_9\.txt in it, there are none"):
        read(str(path))


def test_a_text_that_is_not_utf_8_is_named(tmp_path: Path) -> None:
    path = write_archive(tmp_path / "a.tar.gz", TEXTS | {"train/neg/5_1.txt": b"caf\xe9"})
    with pytest.raises(DataError, match="texts must be UTF-8") as caught:
        read(str(path))
    assert str(caught.value).startswith(f"{path}/aclImdb/train/neg/5_1.txt: ")
    folder = write_folder(tmp_path / "folder")
    (folder / "train/neg/0_2.txt").write_bytes(b"caf\xe9")
    with pytest.raises(DataError) as caught:
        read(str(folder))
    assert str(caught.value).startswith(f"{folder}/train/neg/0_2.txt: ")


@pytest.mark.parametrize("kind", ["archive", "folder", "table"])
def test_the_digest_follows_the_content(tmp_path: Path, kind: str) -> None:
    def digest(texts: dict[str, str]) -> str:
        if kind == "archive":
            path = write_archive(tmp_path / "a.tar.gz", texts)
        elif kind == "folder":
            path = write_folder(tmp_path / "folder", texts)
            for file in path.rglob("*.txt"):
                os.utime(file, ns=(0, hash(file.read_text()) % 10**9))
        else:
            path = tmp_path / "rows.csv"
            path.write_text("text,label\n" + "".join(f"{text},1\n" for text in texts.values()))
        return find_source(Data(source=str(path)), need_vectors=()).digest()

    assert digest(TEXTS) == digest(TEXTS)
    assert digest(TEXTS) != digest(TEXTS | {"train/pos/0_9.txt": "Good.<br />Very gooD."})


def test_the_digest_follows_the_vectors_too(tmp_path: Path) -> None:
    write_folder(tmp_path)
    write_vectors(tmp_path / "glove.6B.zip")
    digests = {find_source(Data(source=str(tmp_path)), need_vectors=dims).digest() for dims in ((), (50,), (50, 100))}
    assert len(digests) == 3


def test_without_a_source_the_cache_is_used(cache: Path, no_network: None) -> None:
    write_archive(cache / "aclImdb_v1.tar.gz")
    write_vectors(cache / "glove.6B.zip")
    source = find_source(Data(), need_vectors=(50,))
    assert rows(source.read(lambda *_: None)) == ROWS
    assert source.vectors[50].path == cache / "glove.6B.zip"


def test_without_network_the_message_says_what_to_give(cache: Path, no_network: None) -> None:
    with pytest.raises(DataError) as caught:
        find_source(Data(), need_vectors=())
    assert "the reviews can't be downloaded" in str(caught.value)
    assert "name them with --data: the archive, its folder, a Parquet or CSV file, or 'sample'" in str(caught.value)
    write_archive(cache / "aclImdb_v1.tar.gz")
    with pytest.raises(DataError, match=r"the GloVe vectors can't be downloaded.*name them with data\.vectors"):
        find_source(Data(), need_vectors=(50,))


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """A server of the folder `served`."""
    (tmp_path / "served").mkdir()
    with http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), partial(_Quiet, directory=str(tmp_path / "served"))
    ) as served:
        thread = threading.Thread(target=served.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{served.server_address[1]}"
        served.shutdown()
        thread.join()


@pytest.mark.parametrize("is_right", [True, False])
def test_a_download_is_verified_and_kept(
    cache: Path, tmp_path: Path, server: str, monkeypatch: pytest.MonkeyPatch, is_right: bool
) -> None:
    content = write_archive(tmp_path / "served" / "aclImdb_v1.tar.gz").read_bytes()
    digest = hashlib.md5(content if is_right else b"another file").hexdigest()
    download = replace(locate.REVIEWS, url=f"{server}/aclImdb_v1.tar.gz", known_hash=f"md5:{digest}")
    monkeypatch.setattr(locate, "REVIEWS", download)
    if is_right:
        assert rows(read(None)) == ROWS
        (tmp_path / "served" / "aclImdb_v1.tar.gz").unlink()
        assert rows(read(None)) == ROWS
    else:
        with pytest.raises(DataError, match="hash of downloaded file"):
            read(None)
        assert list(cache.iterdir()) == []


def test_vectors_are_looked_for_beside_the_source(tmp_path: Path, cache: Path, no_network: None) -> None:
    folder = write_folder(tmp_path / "data" / "aclImdb")
    write_vectors(cache / "glove.6B.zip")

    def found(source: Path) -> Path:
        return find_source(Data(source=str(source)), need_vectors=(50,)).vectors[50].path

    assert found(folder) == cache / "glove.6B.zip"
    beside = write_vectors(tmp_path / "data" / "glove.6B.zip")
    assert found(folder) == beside
    assert found(tmp_path / "data") == beside
    assert found(write_archive(tmp_path / "data" / "a.tar.gz")) == beside
    inside = write_vectors(folder / "glove.6B.zip")
    assert found(folder) == inside


def test_named_vectors_come_first(tmp_path: Path) -> None:
    named = tmp_path / "mine.txt"
    named.write_text("good" + " 1" * 50 + "\n")
    write_folder(tmp_path)
    write_vectors(tmp_path / "glove.6B.zip")
    settings = Data(source=str(tmp_path), vectors=str(named))
    assert find_source(settings, need_vectors=(50,)).vectors[50].path == named
    with pytest.raises(DataError, match="vectors of 100 values are needed, this has 50"):
        find_source(settings, need_vectors=(50, 100))
    with pytest.raises(DataError, match="no such file of word vectors"):
        find_source(Data(source="sample", vectors=str(tmp_path / "missing.zip")), need_vectors=(50,))


def test_only_the_dimensions_that_a_space_allows_are_asked_for() -> None:
    def needed(**wanted: object) -> tuple[int, ...]:
        space, issues = SPACE.narrow(wanted)
        assert not issues
        return data.needed_vectors(space)

    assert needed() == (50, 100)
    assert needed(glove_dim=100) == (100,)
    assert needed(embedding=["scratch", "glove_frozen"], glove_dim=[50]) == (50,)
    assert needed(embedding="scratch") == ()


def test_the_recipe_has_all_settings_that_decide_the_records() -> None:
    settings = Data(source="sample", seed=9, valid_fraction=0.1, vocab_size=500, min_frequency=2, lower=False)
    recipe = data.recipe(settings, find_source(settings, need_vectors=(100, 50)))
    assert recipe.vector_dims == (50, 100)
    assert (recipe.seed, recipe.valid_fraction, recipe.vocab_size) == (9, 0.1, 500)
    assert (recipe.min_frequency, recipe.lower, recipe.label_names) == (2, False, ("negative", "positive"))


@pytest.mark.parametrize("keep", ["tail", "head"])
def test_a_trial_reads_what_its_point_says(keep: str) -> None:
    reading = data.reading({"batch_size": 32, "max_len": 80}, Data(keep=keep))
    assert (reading.batch_size, reading.max_len, reading.keep) == (32, 80, keep)


def test_the_sample_is_balanced_and_no_text_is_in_it_twice() -> None:
    found = read("sample")
    counts = Counter(zip(found.is_test.tolist(), found.labels.tolist(), strict=True))
    assert counts == {(False, 0): 2500, (False, 1): 2500, (True, 0): 1250, (True, 1): 1250}
    assert len({clean(text) for text in found.texts}) == 7500


def test_the_sample_is_in_random_order() -> None:
    labels = read("sample").labels[:5000]
    assert 900 < labels[:2000].sum() < 1100


def test_the_sample_is_small() -> None:
    sizes = {path.name: path.stat().st_size for path in SAMPLE.iterdir()}
    assert set(sizes) == {"README.md", "reviews.parquet", "vectors.parquet"}
    assert sum(sizes.values()) <= 8_000_000
    assert max(sizes.values()) < 5_000_000


def test_the_sample_has_vectors_of_both_dimensions() -> None:
    files = find_source(Data(source="sample"), need_vectors=(50, 100)).vectors
    assert sorted(files) == [50, 100]
    table = pq.read_table(SAMPLE / "vectors.parquet")
    words = table.column("word").to_pylist()
    assert len(set(words)) == len(words) > 20_000
    assert {"film", "terrible", "n't", "''"} <= set(words)
    values = table.column("d100").combine_chunks().flatten().to_numpy() * 0.001
    assert 0.3 < np.std(values) < 0.6
