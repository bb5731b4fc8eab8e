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


def training_seconds(trial: Trial) -> float | None:
    """Return the seconds of training up to the best epoch, without validation."""
    seconds = [report.metrics.get("train_seconds") for report in _until_best(trial)]
    return sum(one for one in seconds if one is not None) if seconds and None not in seconds else None


def epochs(trial: Trial) -> float | None:
    """Return the best epoch."""
    return trial.best_epoch


def weights(trial: Trial) -> float | None:
    """Return the number of the model's weights."""
    found = [report.metrics["n_weights"] for report in trial.reports if "n_weights" in report.metrics]
    return found[-1] if found else None


COSTS = (
    Cost("training time up to the best epoch, s", training_seconds, "The reports of this sweep have no training time."),
    Cost("epochs up to the best one", epochs, "No trial has reported an epoch."),
    Cost("weights of the model", weights, "The reports of this sweep do not have the number of weights."),
)


def front(param_sets: Sequence[tuple[float, float]], direction: Direction) -> list[int]:
    """Return the places of the (cost, objective) pairs that none as cheap or cheaper beats, the cheapest first."""
    sign = -1.0 if direction is Direction.MAX else 1.0
    best: float | None = None
    found: list[int] = []
    for place in sorted(range(len(param_sets)), key=lambda i: (param_sets[i][0], sign * param_sets[i][1])):
        if best is None or direction.is_better(param_sets[place][1], best):
            best = param_sets[place][1]
            found.append(place)
    return found


def _until_best(trial: Trial) -> list[Report]:
    return [report for report in trial.reports if report.epoch <= (trial.best_epoch or 0)]
