"""What a run shows of an ending: status, metrics and tags of a trial and of a sweep, as values.

Both who tells the store as it happens (`driver`) and who does so afterwards (`catching_up`) say it in these words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from sweepkit.tracking import run_endings

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
    state: TrialOutcome,
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
    own = {"sweepkit.outcome": state, "sweepkit.stop_reason": reason}
    return Ending(_TRIAL_STATUS[state], metrics, own | dict(tags or {}))


def of_sweep(
    *, status: SweepEnd, best: Mapping[str, object], metric: str | None, ended: Sequence[tuple[str, int]]
) -> Ending:
    """Describe a sweep's ending; see `SweepLogger.finish`."""
    value = best.get(metric) if metric else None
    metrics = {f"best_{metric}": value} if isinstance(value, float) else {}
    tags = {f"sweepkit.best_{name}": str(known) for name, known in best.items() if name != metric}
    tags["mlflow.note.content"] = run_endings.markdown(best, ended)
    return Ending(_SWEEP_STATUS[status], metrics, tags)


def markdown(best: Mapping[str, object], ended: Sequence[tuple[str, int]]) -> str:
    """Return a short text with two tables.

    Args:
        best: what there is to know of the best trial, in order; empty when no trial has a finite objective.
        ended: why trials ended and how many did so, as `leaderboard.reasons` counts them.
    """
    parts = [
        _table(("best trial", ""), [(name, _value(value)) for name, value in best.items()]),
        _table(("how trials ended", "trials"), [(reason, str(count)) for reason, count in ended]),
    ]
    return "\n\n".join(part for part in parts if part) or "No trial has ended."


def _table(head: tuple[str, str], rows: Sequence[tuple[str, str]]) -> str:
    if not rows:
        return ""
    lines = [head, ("---", "---"), *rows]
    return "\n".join(f"| {_cell(left)} | {_cell(right)} |" for left, right in lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _value(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
