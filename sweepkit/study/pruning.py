"""Optuna's pruners under the names of the sweep file, and the decision after each report with its reason.

Optuna's pruners only return whether to prune. The reason that a user reads, which value was compared with which others,
is reconstructed here from what the pruners store in the trials.
Try `Pruning(study, config, trials).decide(live, reports)`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import optuna
from optuna.pruners import BasePruner, HyperbandPruner, MedianPruner, NopPruner, SuccessiveHalvingPruner
from optuna.trial import FrozenTrial

from sweepkit.config.schedule import rungs
from sweepkit.config.schema import Stopping, SweepConfig
from sweepkit.study.journal import REPORT
from sweepkit.trial import early_stopping
from sweepkit.trial.trial import Direction, Report, TrialState

# Optuna's key of a trial's value at a rung, followed by the rung's number; it has no public accessor
_RUNG = "completed_rung_"


@dataclass(frozen=True, slots=True)
class Decision:
    """The end of a trial: its state, and the reason as a user reads it."""

    state: TrialState
    reason: str


def pruner(stopping: Stopping, *, longest: int) -> BasePruner:
    """Build the pruner of a sweep.

    Args:
        stopping: its settings.
        longest: `max_epochs` as the sweep began. Hyperband derives its brackets from it; with another one, values of
            different rungs would be compared with each other.
    """
    # no max_resource as Hyperband has: successive halving has rungs without end, so extending a sweep adds more of them
    if stopping.rule == "asha":
        return SuccessiveHalvingPruner(min_resource=stopping.grace_epochs, reduction_factor=stopping.reduction)
    if stopping.rule == "hyperband":
        return HyperbandPruner(
            min_resource=stopping.grace_epochs, max_resource=longest, reduction_factor=stopping.reduction
        )
    if stopping.rule == "median":
        return MedianPruner(n_startup_trials=stopping.warmup_trials, n_warmup_steps=stopping.grace_epochs)
    return NopPruner()


class Pruning:
    """Decide after each report whether a trial continues.

    Args:
        study: of the sweep.
        config: of the sweep.
        trials: returns all trials, by number, as the journal has them now.
    """

    def __init__(self, study: optuna.Study, config: SweepConfig, trials: Callable[[], list[FrozenTrial]]) -> None:
        self._study, self._config, self._trials = study, config, trials
        self._direction, self._metric = config.objective.direction, config.objective.metric

    def flaw(self, number: int, report: Report) -> str | None:
        """Return why a report fails its trial at once: a loss that is not finite, or no objective; None otherwise."""
        return early_stopping.not_finite(report, self._metric) or early_stopping.missing_objective(
            report, self._metric, number
        )

    def decide(self, live: optuna.Trial, reports: Sequence[Report], *, again: bool = False) -> Decision | None:
        """Decide whether a trial continues (None) after its newest report.

        Args:
            live: the trial, as a pruner takes it.
            reports: all of its reports.
            again: whether this report may have been decided on before.
        """
        stopping, report = self._config.stopping, reports[-1]
        # first: Optuna never gets the value of such an epoch, so its pruner would compare the epoch before
        if flaw := self.flaw(live.number, report):
            return Decision(TrialState.FAILED, flaw)
        # before the pruner: a trial that has run all of its epochs is a result, however it compares
        if report.epoch >= stopping.max_epochs:
            return Decision(TrialState.COMPLETE, early_stopping.ran_all(report.epoch))
        # the pruner stores the value at a new rung in the trial, so the trial is read after the call
        if live.should_prune() or (again and self._was_pruned(self._trials()[live.number], report)):
            return Decision(TrialState.PRUNED, self._why_pruned(self._trials()[live.number], report))
        values = [one.metrics[self._metric] for one in reports]
        reason = early_stopping.impatient(values, self._direction, patience=stopping.patience)
        return Decision(TrialState.COMPLETE, reason) if reason else None

    def _was_pruned(self, trial: FrozenTrial, report: Report) -> bool:
        """Return whether the rung of this epoch had pruned the trial before the driver died.

        Optuna's pruners compare at a rung only once, so calling them again would let the trial pass. Only values that
        had been reported by then count, or a trial would be pruned because of others that came later.
        """
        value = report.metrics[self._metric]
        if report.epoch not in rungs(self._config.stopping) or trial.system_attrs.get(_last_rung(trial)) != value:
            return False
        reached = self._reached(trial, report.epoch, by=report.timestamp)
        return self._direction.is_better(self._cutoff(reached), value)

    def _why_pruned(self, trial: FrozenTrial, report: Report) -> str:
        stopping, metric, value = self._config.stopping, self._metric, report.metrics[self._metric]
        if stopping.rule == "median":
            return f"epoch {report.epoch}: its best {metric} is worse than the median of the completed trials"
        best = f"{metric} {value:.4f} is not among the best 1/{stopping.reduction}"
        if stopping.rule == "hyperband":
            # without numbers: a bracket's cutoff depends on which trials Optuna's hash of names put into it
            return f"epoch {report.epoch}: {best} of its bracket"
        reached = self._reached(trial, report.epoch)
        return f"rung at epoch {report.epoch}: {best} of {len(reached)} trials (needed {self._cutoff(reached):.4f})"

    def _reached(self, trial: FrozenTrial, epoch: int, *, by: float = float("inf")) -> list[float]:
        """Return all values at the last rung that a trial has reached, its own included."""
        key = _last_rung(trial)
        # Hyperband compares within a bracket only; Optuna assigns trials to brackets in this private function
        rivals = optuna.pruners._filter_study(self._study, trial).get_trials(deepcopy=False)
        return [t.system_attrs[key] for t in rivals if key in t.system_attrs and _reported_at(t, epoch) <= by]

    def _cutoff(self, reached: Sequence[float]) -> float:
        """Return the worst value that a rung lets pass."""
        # as Optuna does it: with fewer trials than `reduction` the best one passes
        place = max(len(reached) // self._config.stopping.reduction, 1) - 1
        return sorted(reached, reverse=self._direction is Direction.MAX)[place]


def _last_rung(trial: FrozenTrial) -> str:
    return f"{_RUNG}{sum(name.startswith(_RUNG) for name in trial.system_attrs) - 1}"


def _reported_at(trial: FrozenTrial, epoch: int) -> float:
    text = trial.user_attrs.get(f"{REPORT}{epoch:04d}")
    return Report.from_json(json.loads(text)).timestamp if text else float("inf")
