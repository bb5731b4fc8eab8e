"""How commands say numbers and points."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sweepkit.config.schema import Budget


def duration(seconds: float) -> str:
    """Say a duration in the two largest units that matter: `3 h 05 min`, `4 min 10 s`, `7 s`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def size(n_bytes: float) -> str:
    """Say a number of bytes with three figures that count: `512 bytes`, `3.52 MB`, `12.3 GB`."""
    if n_bytes < 1000:
        return f"{n_bytes:.0f} bytes"
    for unit in ("kB", "MB", "GB"):
        n_bytes /= 1000
        if n_bytes < 999.5:
            return f"{n_bytes:.3g} {unit}"
    return f"{n_bytes / 1000:,.3g} TB"


def limits(budget: Budget) -> list[str]:
    """Say what each limit of a sweep is, such as `120 epochs`; nothing of those that it has not."""
    found = [f"{budget.hours:g} h"] if budget.hours is not None else []
    found += [f"{budget.epochs} epochs"] if budget.epochs is not None else []
    if budget.money is not None and budget.price_per_worker_hour is not None:
        hours = budget.money / budget.price_per_worker_hour
        found.append(
            f"{budget.money:g} in money, which is {hours:.3g} worker-hours at {budget.price_per_worker_hour:g}"
        )
    return found


def near(text: str) -> str:
    """Say paths below the working directory as seen from there; the text may hold any number of them."""
    return text.replace(f"{Path.cwd()}/", "")


def number(value: object) -> str:
    """Say a parameter's value: floats with three figures that count, everything else as it is."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def parameters(params: Mapping[str, object]) -> str:
    """Say a point in one line: `cell=gru units=64 dropout=0.2`."""
    return " ".join(f"{name}={number(value)}" for name, value in params.items())
