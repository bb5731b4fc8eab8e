"""Whoever watches a sweep run: the calls that an observer gets, and the progress that they carry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from sweepkit.trial.trial import Trial, TrialState


class Observer(Protocol):
    """Whoever wants to see a sweep run. Called in the runner's thread; must return at once."""

    def progress(self, phase: str, done: int, total: int) -> None:
        """Some work before the first trial has come to `done` of `total`."""

    def started(self, trial: Trial, progress: SweepProgress) -> None:
        """A trial was handed out."""

    def reported(self, trial: Trial, progress: SweepProgress) -> None:
        """A trial has finished an epoch and goes on."""

    def ended(self, trial: Trial, progress: SweepProgress) -> None:
        """A trial has an outcome."""

    def remarked(self, text: str) -> None:
        """Something happened that is no trial's progress: an attempt ended in a fault, a worker was replaced."""


@dataclass(frozen=True, slots=True)
class SweepProgress:
    """A sweep at one moment.

    Attributes:
        n_target: how many trials it is to have.
        n_running: handed out and not ended.
        n_ended: by outcome.
        best: the leader; None before the first finite objective.
        elapsed_s: since this run of the sweep started.
        eta_s: seconds to the end, from the trials so far; None before the first has ended.
    """

    n_target: int
    n_running: int
    n_ended: dict[TrialState, int]
    best: Trial | None
    elapsed_s: float
    eta_s: float | None
