"""The process that drives a sweep, as its controller needs to know it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class DriverContext:
    """What a controller takes from outside of the study; injectable in tests.

    Attributes:
        n_workers: how many trials run at once, which is what money is counted by.
        lost: returns why this driver must stop; None while it may go on.
        clock: in seconds.
        now: in seconds since 1970.
    """

    n_workers: int = 1
    lost: Callable[[], str | None] = lambda: None
    clock: Callable[[], float] = time.monotonic
    now: Callable[[], float] = time.time
