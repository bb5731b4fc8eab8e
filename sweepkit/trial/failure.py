"""What goes wrong with an attempt at a trial, and whether the trial is tried again. Values and pure rules only.

A fault is what the trial itself does not answer for or may not meet again: a worker that was killed, a node that was
lost, a hang, an exception. What would happen again on every attempt (a loss that is NaN, an objective that is not
reported) is no fault but a trial's end; see `stopping`. Try `is_exhausted(record.faults, retries=1)`.
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
    """The end of one attempt at a trial, before the trial's own.

    Attributes:
        epoch: the last one that the journal had by then; 0 before the first.
        error: a traceback, or the cause of a worker's death; its last line says it in short.
        counts: whether it uses up one of the retries; a lost node does not.
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
    def from_json(cls, data: Mapping[str, Any]) -> Failure:  # as above
        return cls(int(data["epoch"]), str(data["error"]), bool(data["counts"]), float(data["timestamp"]))


def is_exhausted(failures: Sequence[Failure], retries: int) -> bool:
    """Say whether a trial with these faults is given up: more of them count than there are retries."""
    return sum(fault.counts for fault in failures) > retries


def last_line(error: str) -> str:
    """Return the line of a traceback that says what it was, or of any other text the last."""
    lines = error.strip().splitlines()
    if not lines:
        return "its worker died"
    # what TensorFlow appends to a message is no help
    raised = [line for line in lines if _RAISED.match(line)] if _TRACEBACK in error else []
    return (raised or lines)[-1].strip()
