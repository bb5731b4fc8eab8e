"""Phrases that error messages share: the nearest valid name, and values as a user would write them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(name: str, allowed: Iterable[str]) -> str:
    """Say which of the allowed names was probably meant, or list them all when none is near."""
    names = [str(one) for one in allowed]
    lowered = {one.lower(): one for one in reversed(names)}
    close = difflib.get_close_matches(str(name).lower(), lowered, n=1)
    if close:
        return f"did you mean {lowered[close[0]]!r}?"
    return f"allowed: {listed(names)}" if names else "nothing is allowed here"


def listed(values: Iterable[object]) -> str:
    """Write values as `1, 2, 'three'`."""
    return ", ".join(repr(value) for value in values)


def metric_words(metric: str) -> str:
    """Say a metric's name: `valid_accuracy` is "validation accuracy"."""
    words = metric.replace("_", " ")
    return f"validation {words.removeprefix('valid ')}" if words.startswith("valid ") else words
