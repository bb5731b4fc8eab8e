"""Cleaning and cutting into words."""

from __future__ import annotations

import random

import pytest

from sweepkit.tasks.text.text import clean, tokens


@pytest.mark.parametrize(
    ("raw", "cleaned"),
    [
        ("Good.<br /><br />Bad.", "Good. Bad."),
        ("an <i>early</i> film<HR>", "an early film"),
        ("a <!-- hidden --> word", "a word"),
        ("one < two, and I <3 it", "one < two, and I <3 it"),
        ("Tom &amp; Jerry &#8230; &lt;b&gt;", "Tom & Jerry … <b>"),
        ("  tabs\tand\nlines  ", "tabs and lines"),
        ("it\x92s \x93fine\x94 \x96 really\x85", "it’s “fine” – really…"),
        ("Am\u00e9lie", "Am\u00e9lie"),
        ("<br />", ""),
        ("a <!-- never <b>closed</b> word", "a <!-- never closed word"),
        ("a <!-- one --> <!-- never closed", "a <!-- never closed"),
        ("<!--" * 100_000, "<!--" * 100_000),
        ("no &#" + "9" * 5_000 + "; number", "no \ufffd number"),
        ("&#" + "0" * 5_000 + "65;", "A"),
    ],
)
def test_clean_removes_markup_and_decodes_entities(raw: str, cleaned: str) -> None:
    assert clean(raw) == cleaned


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It's good. I can't wait!", ["it", "'s", "good", ".", "i", "ca", "n't", "wait", "!"]),
        ("Mr. Smith left (early).", ["mr.", "smith", "left", "(", "early", ")", "."]),
        ('He said "no", twice...', ["he", "said", "``", "no", "''", ",", "twice", "..."]),
        ("Cannot, gonna; 3,000 at 3:15", ["can", "not", ",", "gon", "na", ";", "3,000", "at", "3:15"]),
        ("", []),
    ],
)
def test_tokens_are_words_and_marks_in_lower_case(text: str, expected: list[str]) -> None:
    assert tokens(text) == expected


def test_capitals_stay_if_asked() -> None:
    assert tokens("Mr. Bip LEFT.", lower=False) == ["Mr.", "Bip", "LEFT", "."]


# pieces at the borders of NLTK's rules: clitics, quotes, periods inside and at the end, marks next to each other
ODD = """
    can't cannot Gonna wanna 'tis more'n d'ye U.S. ... rock' 'n' '' `` " 's n't ' '90s -- . a. a,b 3,000 :) ’ ''s
    gimme, "Joe Joe" (a b) b), b", b." b". b). (“c” c's, c's" (cannot c.d. a-b a--b 3:15 (3) e.g., c"). c","d
    x.) [sic] {y} <z> *bold* $5 #1 5% naïve Déjà-vu and/or 10/10 wow!! what?! «si» ‘k’ end:
"""


def test_tokens_are_what_nltk_gives_for_each_sentence() -> None:
    import punkt
    from nltk.tokenize.destructive import NLTKWordTokenizer

    rng = random.Random(3)
    odd = ODD.split()
    letters = "ab.'\"`:,-()[]<>!?*&$» ”’“‘s t…–'n 1"
    split, cut = punkt.tokenizer_for("english").tokenize, NLTKWordTokenizer().tokenize
    for _ in range(1_500):
        words = [
            rng.choice(odd) if rng.random() < 0.7 else "".join(rng.choices(letters, k=rng.randint(1, 5)))
            for _ in range(rng.randint(1, 7))
        ]
        text = " ".join(" ".join(words).split())
        assert tokens(text, lower=False) == [word for sentence in split(text) for word in cut(sentence)], text
