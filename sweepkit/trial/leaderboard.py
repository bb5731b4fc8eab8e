"""Who leads a sweep: its trials ranked by their best epoch, as values that a command prints and a tracker stores."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from sweepkit.trial.trial import Direction, Trial, TrialState


def ranked(records: Sequence[Trial], mode: Direction) -> list[Trial]:
    """Return the trials that have a finite objective and did not fail, the best first, the earlier of equals first.

    A trial that was stopped early takes part: its checkpoint is as good as its best epoch.
    """
    contenders = [r for r in records if r.best_value is not None and r.outcome is not TrialState.FAILED]
    sign = -1.0 if mode is Direction.MAX else 1.0
    return sorted(contenders, key=lambda record: (sign * (record.best_value or 0.0), record.number))


def differing(records: Sequence[Trial]) -> list[str]:
    """Return the names of the parameters that are not the same in all trials, in the space's order."""
    names = list(dict.fromkeys(name for record in records for name in record.point))
    return [name for name in names if len({repr(record.point.get(name)) for record in records}) > 1]


def table(records: Sequence[Trial], *, metric: str, mode: Direction) -> list[dict[str, Any]]:
    """Return one row for each ranked trial: rank, trial, best value and epoch, why it ended, and what varies."""
    names = differing(records)
    return [
        {
            "rank": rank,
            "trial": record.number,
            f"best_{metric}": record.best_value,
            "best_epoch": record.best_epoch,
            "epochs": record.epoch,
            "outcome": record.outcome.value if record.outcome else "unfinished",
            "reason": record.reason,
            "seconds": round(record.seconds, 1) if record.seconds is not None else None,
            **{name: record.point.get(name) for name in names},
        }
        for rank, record in enumerate(ranked(records, mode), start=1)
    ]


def reasons(records: Sequence[Trial]) -> list[tuple[str, int]]:
    """Count why trials ended, most frequent first, with each reason cut to what trials can share."""
    return Counter(_kind(record) for record in records if record.outcome).most_common()


def _kind(record: Trial) -> str:
    """Cut "rung at epoch 3: valid_accuracy 0.81 …" to "stopped at the rung of epoch 3", and so on."""
    reason = record.reason or ""
    if record.outcome is TrialState.COMPLETE:
        return "no improvement (patience)" if reason.startswith("nothing better") else reason
    if record.outcome is TrialState.PRUNED:
        return f"stopped at epoch {record.epoch} by the rule"
    return f"failed: {reason.splitlines()[-1] if reason else 'unknown'}"
