"""The leaderboard of a sweep: trials ranked by their best epoch, as values for commands and trackers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from sweepkit.trial.trial import Direction, Trial, TrialState


class Leaderboard:
    """The trials of a sweep in the order of their best values, worked out once.

    Attributes:
        trials: all of them, by number.
        metric: the objective.
        direction: whether more of it is better.
        leaders: those that are ranked, the best first.
    """

    def __init__(self, trials: Sequence[Trial], *, metric: str, direction: Direction) -> None:
        self.trials, self.metric, self.direction = trials, metric, direction
        self.leaders = ranked(trials, direction)

    @property
    def best(self) -> Trial | None:
        return self.leaders[0] if self.leaders else None

    @property
    def last_ended(self) -> float | None:
        """When the last trial ended, in seconds since 1970; None before the first has."""
        return max((trial.ended for trial in self.trials if trial.ended is not None), default=None)

    def rows(self) -> list[dict[str, Any]]:  # values of many types, as in a data frame
        """Return one row for each ranked trial: rank, trial, best value and epoch, why it ended, and what varies."""
        names = differing(self.trials)
        return [
            {
                "rank": rank,
                "trial": trial.number,
                f"best_{self.metric}": trial.best_value,
                "best_epoch": trial.best_epoch,
                "epochs": trial.epoch,
                "outcome": trial.state.value if trial.state else "unfinished",
                "reason": trial.reason,
                "seconds": round(trial.seconds, 1) if trial.seconds is not None else None,
                **{name: trial.params.get(name) for name in names},
            }
            for rank, trial in enumerate(self.leaders, start=1)
        ]

    def columns(self) -> dict[str, list[Any]]:  # as above
        """Return the same by column; nothing where no trial is ranked."""
        rows = self.rows()
        return {name: [row.get(name) for row in rows] for name in rows[0]} if rows else {}

    def reasons(self) -> list[tuple[str, int]]:
        """Count why trials ended; see `reasons`."""
        return reasons(self.trials)


def ranked(trials: Sequence[Trial], direction: Direction) -> list[Trial]:
    """Return the trials with a finite objective that did not fail, best first, the earlier of equal trials first.

    Pruned trials are ranked too: the checkpoint of their best epoch is as usable as that of a complete trial.
    """
    contenders = [trial for trial in trials if trial.best_value is not None and trial.state is not TrialState.FAILED]
    sign = -1.0 if direction is Direction.MAX else 1.0
    return sorted(contenders, key=lambda trial: (sign * (trial.best_value or 0.0), trial.number))


def differing(trials: Sequence[Trial]) -> list[str]:
    """Return the names of the parameters whose values differ between trials, in the order of the space."""
    names = list(dict.fromkeys(name for trial in trials for name in trial.params))
    return [name for name in names if len({repr(trial.params.get(name)) for trial in trials}) > 1]


def reasons(trials: Sequence[Trial]) -> list[tuple[str, int]]:
    """Count the reasons why trials ended, most frequent first; what differs between trials is cut from a reason."""
    return Counter(_kind(trial) for trial in trials if trial.state).most_common()


def _kind(trial: Trial) -> str:
    """Reduce a reason to its kind, such as "rung at epoch 3: accuracy 0.81 …" to "stopped at epoch 3 by the rule".

    The kinds are keys of `reasons` in `--json` output, so their spelling stays.
    """
    reason = trial.reason or ""
    if trial.state is TrialState.COMPLETE:
        return "no improvement (patience)" if reason.startswith("nothing better") else reason
    if trial.state is TrialState.PRUNED:
        return f"stopped at epoch {trial.epoch} by the rule"
    return f"failed: {reason.splitlines()[-1] if reason else 'unknown'}"
