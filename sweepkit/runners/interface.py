"""What a place to run on offers, and whom it asks for work."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypeVar

from sweepkit.errors import StorageFault
from sweepkit.trial.request import TrialRequest, TrialResources, TrialSettings
from sweepkit.trial.trial import Report

Item = TypeVar("Item")


Result = TypeVar("Result")


class Controller(Protocol):
    """Who decides; a runner asks it for work and tells it what happened, in one thread."""

    def next_trial(self) -> TrialRequest | None:
        """Return the next trial to run, or None when there is none left."""

    def reported(self, number: int, report: Report) -> bool:
        """Take one epoch's report; True means that the trial stops here."""

    def failed(self, number: int, error: str, *, counts: bool = True) -> None:
        """Take the traceback, or the cause of death, of an attempt at a trial; another one may be handed out.

        `counts` is False where neither the trial nor its worker can have been the cause: the node was lost.
        """

    def returned(self, number: int, why: str) -> None:
        """Take back a trial that was handed out and never begun, to hand it out again."""

    def halted(self, fault: StorageFault) -> None:
        """Take it that the storage takes no more: no trial has failed, and the sweep is to end."""

    def is_over(self) -> bool:
        """Say whether the sweep is to end now, running trials included."""


class Runner(Protocol):
    """A place to run on: a Ray cluster, or this very process."""

    resources: TrialResources

    def map(self, function: Callable[[Item], Result], items: Sequence[Item], *, describe: str) -> Iterator[Result]:
        """Apply a module-level function to every item and yield the results in the order of the items."""

    def run(self, director: Controller, trial_settings: TrialSettings) -> None:
        """Run trials until the director has none left."""
