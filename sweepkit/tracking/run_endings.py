"""What a run shows of an ending: status, metrics and tags of a trial and of a sweep, as values.

Both who tells the store as it happens (`driver`) and who does so afterwards (`catching_up`) say it in these words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from sweepkit.tracking import summary

_TRIAL_STATUS = {"complete": "FINISHED", "pruned": "KILLED", "failed": "FAILED"}
_SWEEP_STATUS = {"finished": "FINISHED", "interrupted": "KILLED", "failed": "FAILED"}

TrialOutcome = Literal["complete", "pruned", "failed"]
SweepEnd = Literal["finished", "interrupted", "failed"]


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ended; `status` is MLflow's word for it."""

    status: str
    metrics: Mapping[str, float]
    tags: Mapping[str, str]


def of_trial(
    *,
    outcome: TrialOutcome,
    reason: str,
    best_value: float | None,
    best_epoch: int | None,
    metric: str,
    tags: Mapping[str, str] | None = None,
) -> Ending:
    """Describe a trial's ending, with its best value of `metric`, if it has one, and the epoch of that, and `tags`."""
    metrics = {}
    if best_value is not None and best_epoch is not None:
        metrics = {f"best_{metric}": best_value, "best_epoch": float(best_epoch)}
    own = {"sweepkit.outcome": outcome, "sweepkit.stop_reason": reason}
    return Ending(_TRIAL_STATUS[outcome], metrics, own | dict(tags or {}))


def of_sweep(
    *, status: SweepEnd, best: Mapping[str, object], metric: str | None, ended: Sequence[tuple[str, int]]
) -> Ending:
    """Describe a sweep's ending; see `SweepTracker.finish`."""
    value = best.get(metric) if metric else None
    metrics = {f"best_{metric}": value} if isinstance(value, float) else {}
    tags = {f"sweepkit.best_{name}": str(known) for name, known in best.items() if name != metric}
    tags["mlflow.note.content"] = summary.markdown(best, ended)
    return Ending(_SWEEP_STATUS[status], metrics, tags)
