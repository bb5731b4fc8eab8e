"""Word vectors from every kind of file."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from sweepkit.errors import DataError
from sweepkit.tasks.text.rounded_vectors import write_rounded
from sweepkit.tasks.text.vocabulary import Vocabulary
from sweepkit.tasks.text.word_vectors import VectorFile, find_vectors

WORDS = Vocabulary.build({"good": 3, "bad": 2, "odd": 1}, max_size=10, min_frequency=1)
LINES = "the 9 9\nbad -1.5 0.25\ngood 0.5 1\n"


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "glove.6B.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("glove.6B.2d.txt", LINES)
        file.writestr("glove.6B.3d.txt", "good 1 2 3\n")
        file.writestr("notes.md", "nothing")
    return path


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    path = tmp_path / "glove.6B.2d.txt"
    path.write_text(LINES)
    return path


@pytest.fixture
def rounded(tmp_path: Path) -> Path:
    path = tmp_path / "vectors.parquet"
    write_rounded(path, ["bad", "good"], {2: np.array([[-1.5, 0.25], [0.5, 1.0]], np.float32)})
    return path


def one(path: Path, dim: int = 2) -> VectorFile:
    return find_vectors([path], dims=[dim])[dim]


@pytest.mark.parametrize("kind", ["archive", "plain", "rounded"])
def test_every_kind_of_file_gives_the_vectors_in_the_order_of_the_vocabulary(
    kind: str, request: pytest.FixtureRequest
) -> None:
    aligned = one(request.getfixturevalue(kind)).align(WORDS, seed=0)
    assert aligned.matrix.shape == (6, 2)
    assert aligned.matrix.dtype == np.float32
    np.testing.assert_allclose(aligned.matrix[3:5], [[0.5, 1.0], [-1.5, 0.25]], atol=1e-6)
    assert aligned.matrix[0].tolist() == [0.0, 0.0]
    assert aligned.has_vector.tolist() == [False, False, False, True, True, False]


def test_words_without_a_vector_are_small_and_seeded(plain: Path) -> None:
    matrices = [one(plain).align(WORDS, seed=seed).matrix for seed in (1, 1, 2)]
    assert (matrices[0] == matrices[1]).all()
    assert (matrices[0][5] != matrices[2][5]).all()
    assert (np.abs(matrices[0][[1, 2, 5]]) < 0.5).all()
    assert matrices[0][5].any()


def test_quotes_as_nltk_spells_them_find_the_plain_quote(tmp_path: Path) -> None:
    path = tmp_path / "v.txt"
    path.write_text('" 3 4\n`` 1 2\n')
    vocabulary = Vocabulary.build({"``": 2, "''": 1}, max_size=9, min_frequency=1)
    assert one(path).align(vocabulary, seed=0).matrix[3:].tolist() == [[1.0, 2.0], [3.0, 4.0]]


def test_rounding_is_to_three_decimals(tmp_path: Path) -> None:
    matrix = np.random.default_rng(0).normal(0, 0.4, (50, 4)).astype(np.float32)
    write_rounded(tmp_path / "v.parquet", [f"w{i:02}" for i in range(50)], {4: matrix})
    vocabulary = Vocabulary.build({f"w{i:02}": 1 for i in range(50)}, max_size=99, min_frequency=1)
    read = one(tmp_path / "v.parquet", 4).align(vocabulary, seed=0).matrix[3:]
    assert 0 < np.abs(read - matrix).max() <= 0.00051


def test_the_first_file_with_a_dimension_is_taken(archive: Path, plain: Path) -> None:
    found = find_vectors([plain, archive], dims=[2, 3])
    assert (found[2].path, found[3].path) == (plain, archive)


def test_a_missing_dimension_is_named_with_those_there_are(archive: Path) -> None:
    with pytest.raises(
        DataError, match=r"vectors of 50 values are needed, this has 2, 3: name another file, or narrow"
    ):
        find_vectors([archive], dims=[2, 50])


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        ("good 1 2\nbad 1\n", 2, "a word and 2 numbers, with one space between; this has 1 values"),
        ("good 1 2\nbad 1 2 3\n", 2, "this has 3 values"),
        ("good 1 2\n\n", 2, "this has 0 values"),
        ("the 1 2\ngood x 2\n", 2, "could not convert string to float"),
        ("good nan 2\n", 1, "a value that is not finite"),
        ("good 1 2\nbad inf 2\n", 2, "a value that is not finite"),
    ],
)
def test_a_malformed_line_is_named(tmp_path: Path, content: str, line: int, message: str) -> None:
    path = tmp_path / "v.txt"
    path.write_text(content)
    with pytest.raises(DataError, match=message) as caught:
        one(path).align(WORDS, seed=0)
    assert str(caught.value).startswith(f"{path}:{line}: ")


def test_a_malformed_line_of_an_archive_is_named(tmp_path: Path) -> None:
    path = tmp_path / "v.zip"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("v.2d.txt", "good 1 2\nbad 1\n")
    with pytest.raises(DataError) as caught:
        one(path).align(WORDS, seed=0)
    assert str(caught.value).startswith(f"{path}/v.2d.txt:2: ")


@pytest.mark.parametrize("name", ["v.zip", "v.parquet"])
def test_garbage_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"garbage" * 100)
    with pytest.raises(DataError, match="can't be read") as caught:
        find_vectors([tmp_path / name], dims=[2])
    assert str(tmp_path / name) in str(caught.value)


def test_a_damaged_member_is_noticed(archive: Path) -> None:
    content = bytearray(archive.read_bytes())
    content[45] ^= 0xFF
    archive.write_bytes(content)
    with pytest.raises(DataError, match="word vectors can't be read") as caught:
        one(archive).align(WORDS, seed=0)
    assert f"{archive}/glove.6B.2d.txt" in str(caught.value)


def test_a_missing_file_or_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file of word vectors"):
        find_vectors([tmp_path / "v.zip"], dims=[2])
    (tmp_path / "v.bin").write_bytes(b"")
    with pytest.raises(DataError, match=r"must be a \.zip, \.txt or \.parquet file"):
        find_vectors([tmp_path / "v.bin"], dims=[2])


def test_vectors_of_other_words_are_refused(plain: Path) -> None:
    vocabulary = Vocabulary.build({"gut": 1}, max_size=9, min_frequency=1)
    with pytest.raises(DataError, match="none of the words is in this file"):
        one(plain).align(vocabulary, seed=0)


@pytest.mark.parametrize("kind", ["archive", "plain", "rounded"])
def test_the_digest_follows_the_content(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    path = request.getfixturevalue(kind)
    before = one(path).digest()
    assert one(path).digest() == before
    if kind == "archive":
        with zipfile.ZipFile(path, "w") as file:
            file.writestr("glove.6B.2d.txt", LINES.replace("9 9", "8 9"))
    elif kind == "plain":
        path.write_text(LINES.replace("9 9", "8 9"))
    else:
        write_rounded(path, ["bad", "good"], {2: np.zeros((2, 2), np.float32)})
    assert one(path).digest() != before


def test_the_digest_of_an_archive_ignores_what_is_not_needed(archive: Path) -> None:
    before = one(archive).digest()
    with zipfile.ZipFile(archive, "a") as file:
        file.writestr("glove.6B.4d.txt", "good 1 2 3 4\n")
    assert one(archive).digest() == before
