"""What a sweep has spent over all of its runs, and which limit of its YAML that reaches.

Pure functions of the journal's content; the expected cost of a sweep is in `driver.estimate`. Try
`exhausted_limit(Budget(epochs=10), Usage(epochs=10))`.
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
        ended: None while it runs, and also after it was killed.
    """

    started: float
    workers: int
    ended: float | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """What a sweep has spent.

    Attributes:
        seconds: wall time in which it ran.
        worker_seconds: the same, times the workers that it held, busy or not.
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
    # a driver that is killed cannot record its end; its reports are the last trace that it ran
    times = [report.timestamp for trial in trials for report in trial.reports]
    # reports after the next run's start are the next run's
    next_starts = [*(run.started for run in runs[1:]), float("inf")][: len(runs)]
    lasted = []
    for run, next_start in zip(runs, next_starts, strict=True):
        ended = run.ended or max((time for time in times if run.started <= time <= next_start), default=run.started)
        # a worker's clock may be behind the driver's
        lasted.append(max(ended - run.started, 0.0))
    # busy or not, because that is what a cluster costs
    worker_seconds = sum(seconds * run.workers for seconds, run in zip(lasted, runs, strict=True))
    return Usage(sum(lasted), worker_seconds, sum(len(trial.reports) for trial in trials))


def exhausted_limit(budget: Budget, so_far: Usage) -> str | None:
    """Return which limit is reached, as text; None while there is something left of all of them."""
    # >= throughout: a limit of 20 epochs allows 20, and no 21st to begin
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
