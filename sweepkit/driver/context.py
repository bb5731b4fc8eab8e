"""The driver's process, as far as its controller depends on it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class DriverContext:
    """What a controller takes from outside the study; injectable in tests.

    Attributes:
        n_workers: how many trials run at once; money is counted for all of them.
        lost: returns why this driver must stop; None while it may continue.
        clock: seconds from any start; durations are measured with it.
        now: seconds since 1970; written into the journal.
    """

    n_workers: int = 1
    lost: Callable[[], str | None] = lambda: None
    # two clocks: a system clock that is set must not change how much of the budget is used
    clock: Callable[[], float] = time.monotonic
    now: Callable[[], float] = time.time
