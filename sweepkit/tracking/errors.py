"""What a tracking store may answer besides yes. None of these leaves `sweepkit.tracking`."""

from __future__ import annotations

TRIAL_TAG = "sweepkit.trial"  # on a trial's run: its number


ORIGIN_TAG = "sweepkit.origin"  # on a sweep's run: which sweep of which storage it is


REMEDY = "name another with tracking.uri, or turn tracking off with tracking.enabled: false"


class StoreError(Exception):
    """The tracking store did not do what it was asked. Never leaves `sweepkit.tracking`."""


class AwayError(StoreError):
    """It does not answer, or fails in doing it: trying again later makes sense.

    Args:
        reason: what happened.
        has_answered: it was there and failed, as a server with a defect does: trying for ever makes no sense.
    """

    def __init__(self, reason: str, *, has_answered: bool = False) -> None:
        super().__init__(reason)
        self.has_answered = has_answered


class RefusedError(StoreError):
    """It answers that it will never do this: the run was deleted, the value is not allowed."""
