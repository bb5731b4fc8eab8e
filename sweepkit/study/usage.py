"""What a sweep has spent over all of its runs, and which limit of its YAML that reaches.

Pure functions of what the journal says; what a sweep is expected to spend is in `budget`. Try
`exhausted_limit(Budget(epochs=10), Spent(epochs=10))`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sweepkit.config.schema import Budget
from sweepkit.trial.trial import Trial


@dataclass(frozen=True, slots=True)
class DriverRun:
    """One run of a sweep, from its first trial on.

    Attributes:
        started: seconds since 1970.
        workers: how many trials it could run at once.
        ended: None while it runs, and for ever when it was killed.
    """

    started: float
    workers: int
    ended: float | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """What a sweep has spent.

    Attributes:
        seconds: wall time in which it ran.
        worker_seconds: the same times the workers that it held, busy or not.
        epochs: reported by all trials together.
    """

    seconds: float = 0.0
    worker_seconds: float = 0.0
    epochs: int = 0

    def money(self, budget: Budget) -> float | None:
        """Return the price of the workers' time; None where the YAML has no price."""
        price = budget.price_per_worker_hour
        return None if price is None else self.worker_seconds / 3600 * price


def usage(runs: Sequence[DriverRun], trials: Sequence[Trial]) -> Usage:
    """Return what a sweep has spent by its last report; a run that was killed counts up to its own last report."""
    times = [report.timestamp for trial in trials for report in trial.reports]
    following = [*(run.started for run in runs[1:]), float("inf")][: len(runs)]
    lasted = []
    for run, before in zip(runs, following, strict=True):
        ended = run.ended or max((time for time in times if run.started <= time <= before), default=run.started)
        lasted.append(max(ended - run.started, 0.0))
    worker_seconds = sum(seconds * run.workers for seconds, run in zip(lasted, runs, strict=True))
    return Usage(sum(lasted), worker_seconds, sum(len(trial.reports) for trial in trials))


def exhausted_limit(budget: Budget, so_far: Usage) -> str | None:
    """Say which limit is reached; None while there is something left of all of them."""
    if budget.hours is not None and so_far.seconds >= budget.hours * 3600:
        return f"budget.hours: {budget.hours:g} is used up"
    if budget.epochs is not None and so_far.epochs >= budget.epochs:
        return f"budget.epochs: {budget.epochs} is used up"
    money = so_far.money(budget)
    if budget.money is not None and money is not None and money >= budget.money:
        return (
            f"budget.money: {budget.money:g} is used up "
            f"({so_far.worker_seconds / 3600:.2f} worker-hours at {budget.price_per_worker_hour:g})"
        )
    return None
