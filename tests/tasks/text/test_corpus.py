"""Texts cut in chunks, merged and encoded."""

from __future__ import annotations

import numpy as np

from sweepkit.tasks.text.corpus import Corpus, TextChunk, tokenise
from sweepkit.tasks.text.text import clean, tokens
from sweepkit.tasks.text.vocabulary import Vocabulary

TEXTS = ["Good, good film.", "A bad<br />film!", "Good film", "A bad film!"]


def corpus(size: int) -> Corpus:
    return Corpus.merge(tokenise(TextChunk(TEXTS[i : i + size], lower=True)) for i in range(0, len(TEXTS), size))


def test_chunks_of_any_size_give_the_same_corpus() -> None:
    for size in (1, 3):
        one, other = corpus(size), corpus(len(TEXTS))
        assert one.words == other.words
        assert one.word_numbers.tolist() == other.word_numbers.tolist()
        assert one.lengths.tolist() == [5, 4, 2, 4]
        assert one.hashes.tolist() == other.hashes.tolist()


def test_hashes_are_equal_for_texts_that_are_equal_once_cleaned() -> None:
    hashes = corpus(2).hashes.tolist()
    assert hashes[1] == hashes[3]
    assert len(set(hashes)) == 3


def test_words_are_counted_in_the_wanted_rows_only() -> None:
    assert corpus(2).counts(np.array([0, 2])) == {"good": 3, ",": 1, "film": 2, ".": 1}


def test_encoding_is_what_the_vocabulary_gives_for_each_text() -> None:
    vocabulary = Vocabulary.build({"good": 3, "film": 2, "a": 1}, max_size=9, min_frequency=1)
    rows = corpus(3).encode(vocabulary, np.array([1, 0, 1, 0], np.int8))
    encoded = [rows.tokens[rows.offsets[i] : rows.offsets[i + 1]].tolist() for i in range(len(rows))]
    assert encoded == [vocabulary.encode(tokens(clean(text))) for text in TEXTS]
    assert rows.targets.tolist() == [1, 0, 1, 0]


def test_capitals_are_kept_if_asked() -> None:
    assert "Good" in tokenise(TextChunk(TEXTS, lower=False)).words
