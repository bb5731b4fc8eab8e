"""What a trial costs, and which trials nobody beats at their cost or below.

Try `front([(10.0, 0.8), (20.0, 0.7), (30.0, 0.9)], Mode.MAX)`, which is [0, 2].
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sweepkit.trial.trial import Direction, Report, Trial


@dataclass(frozen=True, slots=True)
class Cost:
    """One way to count what a trial costs.

    Attributes:
        label: with its unit.
        of: the cost of a trial, None when its reports do not say.
        missing: what to say when no trial's do.
    """

    label: str
    of: Callable[[Trial], float | None]
    missing: str

    def known(self, trials: Sequence[Trial]) -> list[tuple[float, Trial]]:
        """Return (cost, trial) of the trials whose reports say it."""
        return [(spent, trial) for trial in trials if (spent := self.of(trial)) is not None]


def training_seconds(record: Trial) -> float | None:
    """Return the seconds of training up to the best epoch, without validation."""
    seconds = [report.metrics.get("train_seconds") for report in _until_best(record)]
    return sum(one for one in seconds if one is not None) if seconds and None not in seconds else None


def epochs(record: Trial) -> float | None:
    """Return the best epoch."""
    return record.best_epoch


def weights(record: Trial) -> float | None:
    """Return the number of the model's weights."""
    found = [report.metrics["n_weights"] for report in record.reports if "n_weights" in report.metrics]
    return found[-1] if found else None


COSTS = (
    Cost("training time up to the best epoch, s", training_seconds, "The reports of this sweep have no training time."),
    Cost("epochs up to the best one", epochs, "No trial has reported an epoch."),
    Cost("weights of the model", weights, "The reports of this sweep do not have the number of weights."),
)


def front(points: Sequence[tuple[float, float]], mode: Direction) -> list[int]:
    """Return the places of the (cost, objective) pairs that none as cheap or cheaper beats, the cheapest first."""
    sign = -1.0 if mode is Direction.MAX else 1.0
    best: float | None = None
    found: list[int] = []
    for place in sorted(range(len(points)), key=lambda i: (points[i][0], sign * points[i][1])):
        if best is None or mode.is_better(points[place][1], best):
            best = points[place][1]
            found.append(place)
    return found


def _until_best(record: Trial) -> list[Report]:
    return [report for report in record.reports if report.epoch <= (record.best_epoch or 0)]
