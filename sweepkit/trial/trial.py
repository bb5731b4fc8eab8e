"""A trial, its reports and its state. Values only, used by all packages above."""

from __future__ import annotations

import math
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
        metrics: name to value; NaN and infinities are kept.
        timestamp: end of the epoch, in seconds since 1970; makes logging a report to a tracking store idempotent.
    """

    epoch: int
    metrics: Mapping[str, float]
    timestamp: float

    def to_json(self) -> dict[str, Any]:  # a JSON object has no narrower type
        return {"epoch": self.epoch, "metrics": dict(self.metrics), "timestamp": self.timestamp}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Report:  # a JSON object has no narrower type
        return cls(int(data["epoch"]), dict(data["metrics"]), float(data["timestamp"]))


class TrialState(Enum):
    """How a trial ended; an unfinished trial has None in place of a state."""

    COMPLETE = "complete"
    PRUNED = "pruned"
    FAILED = "failed"


class Direction(Enum):
    """Whether a larger or a smaller objective is better."""

    MAX = "max"
    MIN = "min"

    def is_better(self, value: float, other: float) -> bool:
        """Whether `value` is strictly better than `other`; False if either value is NaN."""
        return value > other if self is Direction.MAX else value < other


@dataclass(frozen=True, slots=True)
class Trial:
    """One trial, as recorded in the journal.

    Attributes:
        number: 0 for the first trial of the sweep.
        params: the active parameters.
        reports: one per finished epoch, in order.
        state: None while the trial is unfinished.
        reason: why the trial ended, as shown to the user; None while the trial is unfinished.
        best_value: the best finite value of the objective so far; None without a finite value.
        best_epoch: the epoch of `best_value`.
        run_id: the trial's run in the tracking store; None when tracking is off.
        started: start of the first attempt, in seconds since 1970.
        seconds: time in which the trial ran, without interruptions; up to the last report while unfinished.
        failures: of each failed attempt, in order.
        ended: end of the trial, in seconds since 1970; None while the trial is unfinished.
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

    def curve(self, metric: str) -> list[tuple[int, float]]:
        """Return (epoch, value) of every epoch in which a metric is finite."""
        pairs = [(report.epoch, report.metrics.get(metric, math.nan)) for report in self.reports]
        return [(epoch, value) for epoch, value in pairs if math.isfinite(value)]
