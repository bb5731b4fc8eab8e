"""Format numbers, durations, parameters and names for a user, in messages, tables and reports.

Standard library only, so that every package can use it. Try `duration(3_900)`, which is `1 h 05 min`.
"""

from __future__ import annotations

import datetime
import difflib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Protocol

NOT_USED = "not used"


class Bounds(Protocol):
    """The two ends of an interval, such as a confidence interval."""

    @property
    def low(self) -> float: ...

    @property
    def high(self) -> float: ...


def nearest(name: str, allowed: Iterable[str]) -> str:
    """Suggest the allowed name closest to `name`, or list all of them if none is close."""
    names = [str(allowed_name) for allowed_name in allowed]
    # reversed, so that of names that differ only in case the first one is suggested
    lowered = {allowed_name.lower(): allowed_name for allowed_name in reversed(names)}
    close = difflib.get_close_matches(str(name).lower(), lowered, n=1)
    if close:
        return f"did you mean {lowered[close[0]]!r}?"
    return f"allowed: {listed(names)}" if names else "nothing is allowed here"


def listed(values: Iterable[object]) -> str:
    """Format values as `1, 2, 'three'`."""
    return ", ".join(repr(value) for value in values)


def near(text: str) -> str:
    """Return a text with every path below the working directory made relative to it."""
    return text.replace(f"{Path.cwd()}/", "")


def metric_words(metric: str) -> str:
    """Spell out a metric's name: `valid_accuracy` is "validation accuracy"."""
    words = metric.replace("_", " ")
    return f"validation {words.removeprefix('valid ')}" if words.startswith("valid ") else words


def number(metric: float | None) -> str:
    """Format a metric: four decimals, or four significant digits if it is very small or large; empty for None."""
    if metric is None:
        return ""
    return f"{metric:.4f}" if metric == 0 or 1e-3 <= abs(metric) < 1e4 else f"{metric:.4g}"


def interval(ends: Bounds | None) -> str:
    """Format a confidence interval as `0.8800 to 0.8880`; empty for None."""
    return f"{number(ends.low)} to {number(ends.high)}" if ends else ""


def short_value(value: object) -> str:
    """Format a value for a terminal: floats with three significant digits, else as Python prints it; '' is quoted."""
    return f"{value:.3g}" if isinstance(value, float) else str(value) or "''"


def params_line(params: Mapping[str, object]) -> str:
    """Format parameters for a terminal, as they could be typed: `cell=gru units=64 dropout=0.2`."""
    return " ".join(f"{name}={short_value(value)}" for name, value in params.items())


def value(param: object) -> str:
    """Format a parameter's value as YAML has it, floats with four significant digits."""
    if isinstance(param, bool):
        return "true" if param else "false"
    if param == "":
        return "''"
    return f"{param:.4g}" if isinstance(param, float) else str(param)


def params_list(params: Mapping[str, object]) -> str:
    """Format parameters for a sentence or a table: `cell=gru, units=64`."""
    return ", ".join(f"{name}={value(param)}" for name, param in params.items())


def count(n: int, noun: str) -> str:
    """Format a number of things: `1 trial`, `2 trials`, `1,000 trials`."""
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def duration(seconds: float) -> str:
    """Format a duration in its two largest units: `7 s`, `4 min 10 s`, `3 h 05 min`; days from 100 hours on."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours >= 100:  # not from 24: the limits of a sweep are in hours and are shown beside its usage
        return f"{hours // 24} d {hours % 24:02d} h"
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def moment(timestamp: float) -> str:
    """Format a Unix timestamp in UTC, to the minute."""
    return datetime.datetime.fromtimestamp(timestamp, datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")


def size(n_bytes: float) -> str:
    """Format a number of bytes with three significant digits: `512 bytes`, `3.52 MB`, `12.3 GB`."""
    if n_bytes < 1000:
        return f"{n_bytes:.0f} bytes"
    for unit in ("kB", "MB", "GB"):
        n_bytes /= 1000
        if n_bytes < 999.5:  # 999.5 and more would be rounded to 1e+03
            return f"{n_bytes:.3g} {unit}"
    return f"{n_bytes / 1000:,.3g} TB"
