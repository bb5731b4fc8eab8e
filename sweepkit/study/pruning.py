"""Early stopping as a sweep file names it: Optuna's pruners, the decision after each report, and its reason."""

from __future__ import annotations

import json
from dataclasses import dataclass

from optuna.pruners import BasePruner, HyperbandPruner, MedianPruner, NopPruner, SuccessiveHalvingPruner
from optuna.trial import FrozenTrial

from sweepkit.config.schema import Stopping
from sweepkit.study.journal import REPORT
from sweepkit.trial.trial import Report, TrialState


def pruner(rule: Stopping, *, longest: int) -> BasePruner:
    """Build the rule; `longest` is what max_epochs was at first, by which Hyperband's brackets stay what they were."""
    if rule.rule == "asha":
        return SuccessiveHalvingPruner(min_resource=rule.grace_epochs, reduction_factor=rule.reduction)
    if rule.rule == "hyperband":
        return HyperbandPruner(min_resource=rule.grace_epochs, max_resource=longest, reduction_factor=rule.reduction)
    if rule.rule == "median":
        return MedianPruner(n_startup_trials=rule.warmup_trials, n_warmup_steps=rule.grace_epochs)
    return NopPruner()


_RUNG = "completed_rung_"  # where Optuna's pruners keep a trial's value at each rung


@dataclass(frozen=True, slots=True)
class Decision:
    """The end of a trial: how, and why in a user's words."""

    state: TrialState
    reason: str


def reported_at(trial: FrozenTrial, epoch: int) -> float:
    text = trial.user_attrs.get(f"{REPORT}{epoch:04d}")
    return Report.from_json(json.loads(text)).timestamp if text else float("inf")


def last_rung(trial: FrozenTrial) -> str:
    return f"{_RUNG}{sum(name.startswith(_RUNG) for name in trial.system_attrs) - 1}"
