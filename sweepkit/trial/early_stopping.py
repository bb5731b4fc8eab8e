"""Reasons to stop a trial, as pure functions of its reports; pruning, which compares trials, is in `study`.

Each function returns the reason as a user reads it, or None to continue. Try
`impatient([0.8, 0.7, 0.7], Direction.MAX, patience=2)`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from sweepkit.trial.trial import Direction, Report, Trial


def not_finite(report: Report, metric: str) -> str | None:
    """Return which loss, or the objective `metric`, is NaN or infinite in a report; None if all are finite."""
    for name, value in report.metrics.items():
        if (name == metric or name.split("_")[-1] == "loss") and not math.isfinite(value):
            return f"{name} is {value} at epoch {report.epoch}"
    return None


def missing_objective(report: Report, metric: str, number: int) -> str | None:
    """Return what was reported instead of the objective; None if the objective was reported."""
    if metric in report.metrics:
        return None
    reported = ", ".join(repr(name) for name in sorted(report.metrics)) or "nothing"
    return f"metric {metric!r} was not reported at epoch {report.epoch} of trial {number}; reported: {reported}"


def best_so_far(values: Sequence[float], direction: Direction) -> tuple[float, int] | None:
    """Return the best finite value and its index, the earliest of equal ones; None if no value is finite."""
    best: tuple[float, int] | None = None
    for index, value in enumerate(values):
        if math.isfinite(value) and (best is None or direction.is_better(value, best[0])):
            best = (value, index)
    return best


def impatient(values: Sequence[float], direction: Direction, *, patience: int | None) -> str | None:
    """Return that the last `patience` epochs had no better value; None if one had.

    Args:
        values: the objective of epoch 1, 2, …
        direction: whether larger or smaller values are better.
        patience: number of epochs without a better value after which a trial ends; None turns it off.
    """
    best = best_so_far(values, direction)
    if patience is None or best is None:
        return None
    value, index = best
    if len(values) - 1 - index < patience:
        return None
    return f"nothing better than {value:.4f} (epoch {index + 1}) in {patience} epochs"


def ran_all(n_epochs: int) -> str:
    """Return the reason of a trial that ended at its last epoch; `extensible` recognises trials by it."""
    return f"ran all {n_epochs} epochs"


def extensible(trials: Sequence[Trial], max_epochs: int) -> list[int]:
    """Return the trials that ended because they had run all of their epochs, and may run more epochs now."""
    # by their reason: pruned trials, and those that patience ended, stay ended
    return [trial.number for trial in trials if trial.epoch < max_epochs and trial.reason == ran_all(trial.epoch)]
