"""Failures of attempts at a trial, and whether the trial is retried. Values and pure functions only.

A failure is something that another attempt may not meet again: a killed worker, a lost node, a hang, an exception.
What would recur on every attempt (a NaN loss, an objective that is not reported) ends the trial without a retry; see
`early_stopping`. Try `is_exhausted(trial.failures, retries=1)`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

_TRACEBACK = "Traceback (most recent call last)"
_RAISED = re.compile(r"(\w+\.)*[A-Z]\w*(Error|Exception|Exit|Interrupt)\b")


@dataclass(frozen=True, slots=True)
class Failure:
    """How one attempt at a trial failed.

    Attributes:
        epoch: the last epoch in the journal at the time; 0 before the first.
        error: a traceback, or why the worker died; its last line is the summary.
        counts: whether the failure uses up a retry; a lost node does not.
        timestamp: seconds since 1970.
    """

    epoch: int
    error: str
    counts: bool
    timestamp: float

    @property
    def summary(self) -> str:
        return last_line(self.error)

    def to_json(self) -> dict[str, Any]:  # a JSON object has no narrower type
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Failure:  # a JSON object has no narrower type
        return cls(int(data["epoch"]), str(data["error"]), bool(data["counts"]), float(data["timestamp"]))


def is_exhausted(failures: Sequence[Failure], retries: int) -> bool:
    """Whether a trial has no retries left: more of its failures count than there are retries."""
    return sum(failure.counts for failure in failures) > retries


def last_line(error: str) -> str:
    """Return the line with the exception of a traceback, or the last line of any other text."""
    lines = error.strip().splitlines()
    if not lines:
        return "the worker died"
    # the last line that names an exception: TensorFlow appends lines about graph nodes after the message
    raised = [line for line in lines if _RAISED.match(line)] if _TRACEBACK in error else []
    return (raised or lines)[-1].strip()
