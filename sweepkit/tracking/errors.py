"""How requests to a tracking store fail.

`mlflow_errors` raises these in place of MLflow's own. None leaves the package uncaught: loggers queue or drop what
failed, and commands turn it into an InputError that names the store.
"""

from __future__ import annotations

# ends every message of a store that a sweep cannot start with
REMEDY = "name another with tracking.uri, or turn tracking off with tracking.enabled: false"


class StoreError(Exception):
    """A request to the tracking store failed."""


class UnreachableError(StoreError):
    """No answer, or a failure of the store itself: a retry may succeed.

    Args:
        reason: what happened.
        has_answered: a server answered, and failed, as one with a defect does at each retry: retries must end.
    """

    def __init__(self, reason: str, *, has_answered: bool = False) -> None:
        super().__init__(reason)
        self.has_answered = has_answered


class RefusedError(StoreError):
    """The store will never accept this request: the run was deleted, the value is not allowed."""
