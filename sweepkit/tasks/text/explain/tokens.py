"""Tokens for display: without control characters and changes of direction, and short if space is."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

# the tokenizer spells opening and closing quotes like this
_QUOTES = {"``": "“", "''": "”"}
_TURNING = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})
_STEERING = frozenset({"Cc", "Cs", "Zl", "Zp"})


def plain(token: str) -> str:
    """Return a token with plain quotes, and U+FFFD for control characters and changes of writing direction."""
    return _QUOTES.get(token) or "".join("\N{REPLACEMENT CHARACTER}" if _steers(sign) else sign for sign in token)


def shortened(token: str, most: int) -> str:
    """Cut a long token to `most` characters, the last of which is an ellipsis."""
    return token if len(token) <= most else token[: most - 1] + "…"


def is_right_to_left(tokens: Iterable[str]) -> bool:
    """Return whether the first letter that has a direction is of a script from right to left."""
    directions = (unicodedata.bidirectional(sign) for token in tokens for sign in token)
    return next((direction for direction in directions if direction in ("L", "R", "AL")), "L") != "L"


def _steers(sign: str) -> bool:
    return unicodedata.category(sign) in _STEERING or unicodedata.bidirectional(sign) in _TURNING
