"""From raw text to tokens: `tokens(clean(raw))`.

Punkt splits sentences and NLTK's own rules split words, both without any download at run time. `vocabulary` turns
words into indexes. NLTK is imported with the first call, because its import takes seconds.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from functools import cache, lru_cache

# "<3" and "a < b" are not markup: a tag starts with a letter, or a slash and a letter
_TAG = re.compile(r"</?[A-Za-z][^<>]*>")
_MARKUP = re.compile(rf"{_TAG.pattern}|<!--.*?-->", re.DOTALL)
# eight digits are beyond Unicode, and Python refuses to parse numbers of some thousand digits
_LONG_NUMBER = re.compile(r"&#0*(\d{8})\d*")
# control characters of Latin-1 are dashes, quotes and ellipses of Windows-1252 in most scraped texts
_WINDOWS = {code: bytes([code]).decode("cp1252", errors="ignore") for code in range(0x80, 0xA0)}
# NLTK splits a sentence's last period off even if these follow it, with spaces between them
_CLOSERS = frozenset("])}>\"'»”’")

# Four of five words that are not cached yet match these, and one call of NLTK takes 0.1 ms
_LETTERS = r"((?:[A-Za-z0-9À-ÖØ-öø-ÿ]+[-/])*[A-Za-z0-9À-ÖØ-öø-ÿ]+)"
_PLAIN = re.compile(r"""(["(])?""" + _LETTERS + r"""('s)?([")])?([,;:?!])?""")
_PLAIN_LAST = re.compile(r"""(["(])?""" + _LETTERS + r"""('s)?([")])?([.,;:?!])?([")])?""")
_CONTRACTED = re.compile(r"cannot|gimme|gonna|gotta|lemme|wanna", re.IGNORECASE)

_Tokens = tuple[str, ...]


def clean(text: str) -> str:
    """Return the text without markup, with entities decoded and every run of white space as one space."""
    # quadratic time otherwise: without an end, the expression would search to the end of the text from each `<!--`
    closed = text.rfind("-->") + 3 if "-->" in text else 0
    text = _MARKUP.sub(" ", text[:closed]) + _TAG.sub(" ", text[closed:])
    text = html.unescape(_LONG_NUMBER.sub(r"&#\1", text)).translate(_WINDOWS)
    return " ".join(text.split())


def tokens(text: str, *, lower: bool = True) -> list[str]:
    """Split a cleaned text into words and punctuation marks, in order.

    The result is that of NLTK's `NLTKWordTokenizer` for each of Punkt's sentences. Its rules look no further than the
    neighbouring character, except at a sentence's end, so words are split one by one and cached: four times as fast
    as some forty regular expressions over every sentence.
    """
    words: list[str] = []
    for sentence in _sentence_splitter()(text):
        words.extend(_sentence_tokens(sentence, lower))
    return words


@cache
def _sentence_splitter() -> Callable[[str], list[str]]:
    import punkt

    split: Callable[[str], list[str]] = punkt.tokenizer_for("english").tokenize
    return split


@cache
def _word_splitter() -> Callable[[str], list[str]]:
    from nltk.tokenize.destructive import NLTKWordTokenizer

    split: Callable[[str], list[str]] = NLTKWordTokenizer().tokenize
    return split


def _sentence_tokens(sentence: str, lower: bool) -> list[str]:
    words = sentence.split()
    end = len(words) - 1
    while end > 0 and _CLOSERS.issuperset(words[end]):
        end -= 1
    if end <= 0:
        return list(_cut(" ".join(words), lower))
    result = list(_first(words[0], lower))
    for word in words[1:end]:
        result.extend(_inner(word, lower))
    result.extend(_last(" ".join(words[end:]), lower))
    return result


# An "x" stands for the neighbours, so that the rules for a sentence's start and end do not fire inside of it.
# The caches hold the words that make up nearly all of a corpus, in about 30 MB.
@lru_cache(maxsize=1 << 16)
def _inner(word: str, lower: bool) -> _Tokens:
    return _plain(_PLAIN, word, lower) or _cut(f"x {word} x", lower)[1:-1]


@lru_cache(maxsize=1 << 14)
def _first(word: str, lower: bool) -> _Tokens:
    return _plain(_PLAIN, word, lower) or _cut(f"{word} x", lower)[:-1]


@lru_cache(maxsize=1 << 15)
def _last(words: str, lower: bool) -> _Tokens:
    return _plain(_PLAIN_LAST, words, lower) or _cut(f"x {words}", lower)[1:]


def _plain(pattern: re.Pattern[str], word: str, lower: bool) -> _Tokens:
    """Return a word and the marks around it if NLTK's rules would only separate them; otherwise nothing."""
    match = pattern.fullmatch(word.lower() if lower else word)
    if match is None or _CONTRACTED.search(word):
        return ()
    opening, *others = match.groups()
    start = ("``" if opening == '"' else opening,) if opening else ()
    return start + tuple("''" if part == '"' else part for part in others if part)


def _cut(text: str, lower: bool) -> _Tokens:
    words = _word_splitter()(text)
    return tuple(word.lower() for word in words) if lower else tuple(words)
