"""What a runner offers, and the controller that it calls.

A runner is a place where trials run: a Ray cluster or this process. It decides nothing about trials: which one runs
next and when one stops is the controller's decision.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypeVar

from sweepkit.errors import StorageFault
from sweepkit.trial.request import TrialRequest, TrialResources, TrialSettings
from sweepkit.trial.trial import Report

Item = TypeVar("Item")
Result = TypeVar("Result")


class Controller(Protocol):
    """Decides which trials run and when they stop.

    A runner calls all methods from one thread, and no other call is handled meanwhile: they have to return quickly.
    """

    # A method rather than a list of trials: samplers suggest from the reports of the trials before.
    def next_trial(self) -> TrialRequest | None:
        """Return the next trial to run, or None when there is none left."""

    def reported(self, number: int, report: Report) -> bool:
        """Process one epoch's report; True means that the trial stops here."""

    # A runner never retries by itself: it could not count retries over restarts of the driver.
    def failed(self, number: int, error: str, *, counts: bool = True) -> None:
        """Process the traceback, or the cause of death, of one attempt at a trial; `next_trial` may return it again.

        `counts` is False where neither the trial nor its worker can have been the cause: the node was lost.
        """

    # Not a failure: nothing of the trial has run, so nothing may be counted against its retries.
    def returned(self, number: int, reason: str) -> None:
        """Take back a trial that was handed out but never begun; `next_trial` returns it again."""

    def halted(self, error: StorageFault) -> None:
        """End the sweep because the storage cannot be written; no trial has failed."""

    # Asked beside `reported`, since a limit that is reached stops trials that would otherwise continue.
    def is_over(self) -> bool:
        """Return whether the sweep is to end now, running trials included."""


class Runner(Protocol):
    """A place where trials run.

    Attributes:
        resources: what each trial gets, and how many run at once.
    """

    resources: TrialResources

    # Preparing data uses the same processes as training, so a runner offers both.
    def map(self, function: Callable[[Item], Result], items: Sequence[Item], *, describe: str) -> Iterator[Result]:
        """Apply a module-level function to every item and yield the results in the order of the items.

        `describe` names the work where the runner shows what it does.
        """

    def run(self, controller: Controller, trial_settings: TrialSettings) -> None:
        """Run trials until the controller has none left."""
