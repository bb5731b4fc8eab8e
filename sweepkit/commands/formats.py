"""How commands say numbers and points."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def duration(seconds: float) -> str:
    """Say a duration in the two largest units that matter: `3 h 05 min`, `4 min 10 s`, `7 s`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def near(text: str) -> str:
    """Say paths below the working directory as seen from there; the text may hold any number of them."""
    return text.replace(f"{Path.cwd()}/", "")


def number(value: object) -> str:
    """Say a parameter's value: floats with three figures that count, everything else as it is."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def parameters(point: Mapping[str, object]) -> str:
    """Say a point in one line: `cell=gru units=64 dropout=0.2`."""
    return " ".join(f"{name}={number(value)}" for name, value in point.items())
