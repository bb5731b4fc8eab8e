"""The costs of a trial, and the Pareto front of objective against cost.

Try `pareto_front([(10.0, 0.8), (20.0, 0.7), (30.0, 0.9)], Direction.MAX)`, which is [0, 2].
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sweepkit.trial.trial import Direction, Report, Trial


@dataclass(frozen=True, slots=True)
class Cost:
    """One way to measure what a trial costs.

    Attributes:
        label: name and unit.
        of: returns the cost of a trial, or None if its reports lack it.
        missing: the sentence shown if the reports of all trials lack it.
    """

    label: str
    of: Callable[[Trial], float | None]
    missing: str

    def measured(self, trials: Sequence[Trial]) -> list[tuple[float, Trial]]:
        """Return (cost, trial) of the trials whose reports have this cost."""
        return [(cost, trial) for trial in trials if (cost := self.of(trial)) is not None]


def training_seconds(trial: Trial) -> float | None:
    """Return the seconds of training up to the best epoch, without validation."""
    seconds = [report.metrics.get("train_seconds") for report in _until_best(trial)]
    return sum(s for s in seconds if s is not None) if seconds and None not in seconds else None


def epochs(trial: Trial) -> float | None:
    """Return the best epoch."""
    return trial.best_epoch


def weights(trial: Trial) -> float | None:
    """Return the number of weights of the model."""
    reported = [report.metrics["n_weights"] for report in trial.reports if "n_weights" in report.metrics]
    return reported[-1] if reported else None


COSTS = (
    Cost("training time up to the best epoch, s", training_seconds, "The reports of this sweep have no training time."),
    Cost("epochs up to the best one", epochs, "No trial has reported an epoch."),
    Cost("weights of the model", weights, "The reports of this sweep do not have the number of weights."),
)


def pareto_front(points: Sequence[tuple[float, float]], direction: Direction) -> list[int]:
    """Return the indices of the (cost, objective) pairs that none beats at the same cost or less, cheapest first."""
    sign = -1.0 if direction is Direction.MAX else 1.0
    best: float | None = None
    front: list[int] = []
    for i in sorted(range(len(points)), key=lambda i: (points[i][0], sign * points[i][1])):
        if best is None or direction.is_better(points[i][1], best):
            best = points[i][1]
            front.append(i)
    return front


def _until_best(trial: Trial) -> list[Report]:
    return [report for report in trial.reports if report.epoch <= (trial.best_epoch or 0)]
