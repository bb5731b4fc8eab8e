"""The best objective of each value of a parameter against the epochs spent on it.

A sampler spends more on values that do well, so the best alone favours those that were tried most; a comparison at
equal cost does not. Try `costs = cost_by_value(sweep, "cell"); [cost.at(common_cost(costs)) for cost in costs]`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sweepkit.report.parameters import values_of
from sweepkit.results.sweep import Sweep
from sweepkit.space import Value
from sweepkit.trial.trial import Direction, Trial, TrialState


@dataclass(frozen=True, slots=True)
class EqualCost:
    """What was spent on one value of a parameter, and what it achieved.

    Attributes:
        value: None for the trials that do not use the parameter.
        trials: number of trials with this value.
        epochs: total of the epochs that they trained.
        steps: (epochs spent, best objective) wherever the best changed.
    """

    value: Value | None
    trials: int
    epochs: int
    steps: tuple[tuple[int, float], ...]

    @property
    def best(self) -> float | None:
        """The best objective; None if no trial reported a finite one."""
        return self.steps[-1][1] if self.steps else None

    def at(self, epochs: int) -> float | None:
        """Return the best objective after this many epochs; None before the first."""
        reached = [best for spent, best in self.steps if spent <= epochs]
        return reached[-1] if reached else None


def cost_by_value(sweep: Sweep, name: str) -> list[EqualCost]:
    """Return the cost of each value of a parameter, in the order of its values, "not used" last."""
    groups: list[tuple[Value | None, list[Trial]]] = [
        (value, [trial for trial in sweep.trials if name in trial.params and repr(trial.params[name]) == repr(value)])
        for value in values_of(sweep, name)
    ]
    without = [trial for trial in sweep.trials if name not in trial.params]
    if without:
        groups.append((None, without))
    board = sweep.leaderboard
    return [_cost(value, trials, board.metric, board.direction) for value, trials in groups]


def common_cost(costs: Sequence[EqualCost]) -> int:
    """Return the largest number of epochs that every value has reached."""
    return min((cost.epochs for cost in costs), default=0)


def _cost(value: Value | None, trials: Sequence[Trial], metric: str, direction: Direction) -> EqualCost:
    # in the order in which the epochs ended, over all trials
    reports = sorted(
        ((report.timestamp, trial.state, report.metrics.get(metric)) for trial in trials for report in trial.reports),
        key=lambda item: item[0],
    )
    steps: list[tuple[int, float]] = []
    for n_epochs, (_, state, objective) in enumerate(reports, start=1):
        # a failed trial has a cost, but its objective does not count, as on the leaderboard
        if state is TrialState.FAILED or objective is None or not math.isfinite(objective):
            continue
        if not steps or direction.is_better(objective, steps[-1][1]):
            steps.append((n_epochs, objective))
    return EqualCost(value, len(trials), len(reports), tuple(steps))
