"""How a report says values, durations and points."""

from __future__ import annotations

import datetime
from collections.abc import Mapping

from sweepkit.results.final_result import Interval

NOT_USED = "not used"


def number(value: float | None) -> str:
    """Say a metric: four decimals where that shows something, else four figures; nothing for None."""
    if value is None:
        return ""
    return f"{value:.4f}" if value == 0 or 1e-3 <= abs(value) < 1e4 else f"{value:.4g}"


def value(one: object) -> str:
    """Say a parameter's value as a YAML would have it, floats with four figures that count."""
    if isinstance(one, bool):
        return "true" if one else "false"
    if one == "":
        return "''"
    return f"{one:.4g}" if isinstance(one, float) else str(one)


def params(parameters: Mapping[str, object]) -> str:
    """Say a point in one line: `cell=gru, units=64`."""
    return ", ".join(f"{name}={value(one)}" for name, one in parameters.items())


def interval(found: Interval | None) -> str:
    """Say a 95 % interval; nothing for None."""
    return f"{number(found.low)} to {number(found.high)}" if found else ""


def duration(seconds: float) -> str:
    """Say a duration in the two largest units that matter: `3 h 05 min`, `4 min 10 s`, `7 s`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours:02d} h"
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def moment(seconds: float) -> str:
    """Say a time since 1970 in UTC, to the minute."""
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")


def count(n: int, noun: str) -> str:
    """Say `1 trial`, `2 trials`, `1,000 trials`."""
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"
