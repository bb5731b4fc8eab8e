"""What each value of a parameter brought for its cost: the best objective so far against the epochs spent on it.

A sampler spends more on what does well, so the plain best favours what was tried most; at equal cost it does not.
Try `[spent.at(common_cost(found)) for spent in (found := spending(findings, "cell"))]`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sweepkit.report.data import ReportData
from sweepkit.space import Value
from sweepkit.trial.trial import Direction, Trial, TrialState


@dataclass(frozen=True, slots=True)
class EqualCost:
    """One value of a parameter.

    Attributes:
        value: None for the trials that do not use the parameter.
        trials: how many had it.
        epochs: trained by all of them together.
        steps: (epochs spent, best objective) wherever the best changed.
    """

    value: Value | None
    trials: int
    epochs: int
    steps: tuple[tuple[int, float], ...]

    @property
    def best(self) -> float | None:
        """The best objective; None when there was none."""
        return self.steps[-1][1] if self.steps else None

    def at(self, epochs: int) -> float | None:
        """Return the best objective after this many epochs; None before the first."""
        reached = [best for spent, best in self.steps if spent <= epochs]
        return reached[-1] if reached else None


def spending(findings: ReportData, name: str) -> list[EqualCost]:
    """Return what was spent on each value of a parameter, in the order of its values, "not used" last."""
    groups: list[tuple[Value | None, list[Trial]]] = [
        (value, [r for r in findings.trials if name in r.params and repr(r.params[name]) == repr(value)])
        for value in findings.values(name)
    ]
    without = [trial for trial in findings.trials if name not in trial.params]
    if without:
        groups.append((None, without))
    return [_spent(value, trials, findings.metric, findings.direction) for value, trials in groups]


def common_cost(found: Sequence[EqualCost]) -> int:
    """Return the largest number of epochs that every value has reached."""
    return min((spent.epochs for spent in found), default=0)


def _spent(value: Value | None, trials: Sequence[Trial], metric: str, direction: Direction) -> EqualCost:
    # in the order in which the epochs ended, whichever trial they are of
    reports = sorted(
        ((report.timestamp, trial.state, report.metrics.get(metric)) for trial in trials for report in trial.reports),
        key=lambda item: item[0],
    )
    steps: list[tuple[int, float]] = []
    for n_epochs, (_, state, objective) in enumerate(reports, start=1):
        # a failed trial costs, and its objective does not count, as on the leaderboard
        if state is TrialState.FAILED or objective is None or objective - objective != 0:
            continue
        if not steps or direction.is_better(objective, steps[-1][1]):
            steps.append((n_epochs, objective))
    return EqualCost(value, len(trials), len(reports), tuple(steps))
