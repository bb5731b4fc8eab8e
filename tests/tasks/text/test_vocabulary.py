"""The vocabulary: which words, in which order, and its file."""

from __future__ import annotations

from pathlib import Path

import pytest

from sweepkit.errors import DataError
from sweepkit.tasks.text.vocabulary import END, PAD, UNKNOWN, Vocabulary

COUNTS = {"film": 5, "bad": 3, "actor": 3, "rare": 1}


def test_words_are_ordered_by_frequency_and_then_by_alphabet() -> None:
    vocabulary = Vocabulary.build(COUNTS, max_size=100, min_frequency=1)
    assert vocabulary.words == ("<pad>", "<unknown>", "<end>", "film", "actor", "bad", "rare")
    assert (PAD, UNKNOWN, END) == (0, 1, 2)


@pytest.mark.parametrize(("min_frequency", "kept"), [(2, 3), (3, 3), (4, 1), (6, 0)])
def test_words_below_the_minimum_frequency_are_left_out(min_frequency: int, kept: int) -> None:
    assert len(Vocabulary.build(COUNTS, max_size=100, min_frequency=min_frequency)) == 3 + kept


@pytest.mark.parametrize(("max_size", "size"), [(3, 3), (4, 4), (7, 7), (8, 7)])
def test_the_size_counts_the_reserved_words(max_size: int, size: int) -> None:
    assert len(Vocabulary.build(COUNTS, max_size=max_size, min_frequency=1)) == size


def test_encoding_marks_unknown_words_and_the_end() -> None:
    vocabulary = Vocabulary.build(COUNTS, max_size=100, min_frequency=2)
    assert vocabulary.encode(["film", "rare", "bad"]) == [3, UNKNOWN, 5, END]
    assert vocabulary.encode([]) == [END]


def test_no_text_can_spell_a_reserved_word() -> None:
    vocabulary = Vocabulary.build({"<pad>": 9, "film": 1}, max_size=100, min_frequency=1)
    assert vocabulary.words.count("<pad>") == 1
    assert vocabulary.encode(["<pad>"]) == [UNKNOWN, END]


def test_a_file_gives_back_the_same_words(tmp_path: Path) -> None:
    vocabulary = Vocabulary.build({"é\u200b": 2, "#": 2, "x": 1}, max_size=100, min_frequency=1)
    vocabulary.save(tmp_path / "words.txt")
    assert Vocabulary.load(tmp_path / "words.txt") == vocabulary


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"film\nactor\n", "must start with the lines <pad>, <unknown>, <end>"),
        (b"\xff", "cannot be read"),
        (None, "cannot be read"),
    ],
)
def test_a_malformed_file_is_named(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "words.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        Vocabulary.load(path)
    assert str(path) in str(caught.value)
