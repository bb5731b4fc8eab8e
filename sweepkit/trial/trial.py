"""What a trial says of itself after each epoch, and how it ended. Values only; everything above passes these on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from sweepkit.trial.failure import Failure


@dataclass(frozen=True, slots=True)
class Report:
    """The metrics of one epoch.

    Attributes:
        epoch: 1 for the first epoch.
        metrics: name to value; NaN and infinities are kept as they are.
        timestamp: seconds since 1970 when the epoch ended; part of what makes a replay to a tracking store idempotent.
    """

    epoch: int
    metrics: Mapping[str, float]
    timestamp: float

    def to_json(self) -> dict[str, Any]:  # a JSON object has no narrower type
        return {"epoch": self.epoch, "metrics": dict(self.metrics), "timestamp": self.timestamp}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Report:  # as above
        return cls(int(data["epoch"]), dict(data["metrics"]), float(data["timestamp"]))


class TrialState(Enum):
    """How a trial ended; a trial that has not is None wherever an outcome is asked for."""

    COMPLETE = "complete"
    PRUNED = "pruned"
    FAILED = "failed"


class Direction(Enum):
    """Whether a larger or a smaller objective is better."""

    MAX = "max"
    MIN = "min"

    def is_better(self, value: float, other: float) -> bool:
        """Say whether `value` is strictly better than `other`; NaN is better than nothing."""
        return value > other if self is Direction.MAX else value < other


@dataclass(frozen=True, slots=True)
class Trial:
    """All that the journal knows of one trial.

    Attributes:
        number: 0 for the first trial of the sweep.
        params: the active parameters.
        reports: one per finished epoch, in order.
        state: None while the trial is unfinished.
        reason: why it ended, in a user's words; None while it is unfinished.
        best_value: the best finite value of the objective so far; None before the first.
        best_epoch: the epoch of `best_value`.
        run_id: its run in the tracking store; None when tracking is off.
        started: when it was first handed out, in seconds since 1970.
        seconds: for how long it ran, up to its last report while unfinished; interruptions left out.
        failures: how each attempt ended that did not bring the trial to its own end, in order.
        ended: when it ended, in seconds since 1970; None while it has not.
    """

    number: int
    params: Mapping[str, bool | int | float | str]
    reports: tuple[Report, ...] = ()
    state: TrialState | None = None
    reason: str | None = None
    best_value: float | None = None
    best_epoch: int | None = None
    run_id: str | None = None
    started: float | None = None
    seconds: float | None = None
    failures: tuple[Failure, ...] = ()
    ended: float | None = None

    @property
    def epoch(self) -> int:
        """The last finished epoch; 0 before the first."""
        return self.reports[-1].epoch if self.reports else 0
