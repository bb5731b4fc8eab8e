"""The callback of a running sweep: its methods, and the progress that they receive."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from sweepkit.trial.trial import Trial, TrialState


class SweepCallback(Protocol):
    """Shows a sweep as it runs.

    Called in the runner's thread, which waits for each method to return: they have to be quick.
    """

    def on_progress(self, phase: str, done: int, total: int) -> None:
        """Work outside of trials, `phase`, is at `done` of `total`."""

    def on_trial_start(self, trial: Trial, progress: SweepProgress) -> None:
        """A trial was handed out."""

    def on_trial_report(self, trial: Trial, progress: SweepProgress) -> None:
        """A trial has finished an epoch and continues."""

    def on_trial_end(self, trial: Trial, progress: SweepProgress) -> None:
        """A trial has ended, in whatever state."""

    def on_message(self, text: str) -> None:
        """Something worth a line that ends no trial, such as a failure that is retried."""


@dataclass(frozen=True, slots=True)
class SweepProgress:
    """A sweep at one moment.

    Attributes:
        n_target: how many trials it is to have.
        n_running: handed out and not ended.
        n_ended: by state.
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
