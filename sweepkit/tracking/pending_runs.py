"""Runs of trials in a store that may be slow or unreachable: a pending id stands for a run until there is one.

No trial waits for its run longer than a healthy store takes to make one. Calls about a pending run go through the
same queue as the making of it, in order, so that the run exists when they are made.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from sweepkit.tracking.errors import RefusedError, StoreError
from sweepkit.tracking.queue import CallQueue
from sweepkit.tracking.uris import is_file, shown

logger = logging.getLogger(__name__)

_FILE_PATIENCE_S = 30.0  # a file is slow only where the whole machine is
_SERVER_PATIENCE_S = 0.5  # a healthy server takes a tenth of that
_PENDING = "pending-"  # also in journals, where a driver may have died before it learnt the run's id


class PendingRuns:
    """The runs that trials have ids of.

    Args:
        uri: of the store.
        queue: where a run is made that the store does not make at once.
    """

    def __init__(self, uri: str, queue: CallQueue) -> None:
        self._uri, self._queue = uri, queue
        self._patience_s = _FILE_PATIENCE_S if is_file(uri) else _SERVER_PATIENCE_S
        self._run_ids: dict[str, str] = {}  # by pending id
        self._is_slow = False

    def make(self, number: int, create: Callable[[bool], str], *, may_exist: bool) -> str:
        """Return the id of a trial's run, or a pending id while the store has not made it.

        Args:
            number: the trial's.
            create: returns the run's id; looks for an existing run first if its argument is true.
            may_exist: whether there may be a run already.
        """
        pending, attempted = pending_id(number), threading.Event()
        # one trial has waited for a slow store already; the next ones do not
        if self._queue.is_unreachable or self._is_slow:
            attempted.set()
        else:
            self._start_attempt(pending, attempted, lambda: create(may_exist))
            self._is_slow = not attempted.wait(self._patience_s)
            if self._is_slow:
                logger.warning("tracking store %s is slow to answer; no trial waits for it", shown(self._uri))
            if pending in self._run_ids:
                return self._run_ids[pending]
        self._queue.put(lambda: self._make_sure(pending, attempted, lambda: create(True)))
        return pending

    def real(self, run_id: str) -> str:
        """Return the id that a run has in the store.

        Raises:
            RefusedError: it is pending, and no run was made.
        """
        if not is_pending(run_id):
            return run_id
        if run_id not in self._run_ids:
            raise RefusedError(f"there is no run for {run_id!r}")
        return self._run_ids[run_id]

    def _start_attempt(self, pending: str, attempted: threading.Event, create: Callable[[], str]) -> None:
        def attempt() -> None:
            try:
                self._run_ids[pending] = create()
            except StoreError as error:
                logger.info("%s has no run yet: %s", pending, error)
            finally:
                attempted.set()

        # a thread of its own, because a call cannot be abandoned; it may succeed after the trial has started
        threading.Thread(target=attempt, name="sweepkit-new-run", daemon=True).start()

    def _make_sure(self, pending: str, attempted: threading.Event, create: Callable[[], str]) -> None:
        """Make the run in the queue's thread, unless the first attempt made it after all."""
        attempted.wait()  # two attempts at a time would make two runs
        started = time.monotonic()
        if pending not in self._run_ids:
            self._run_ids[pending] = create()
        # so that trials wait again once the store is quick
        self._is_slow = time.monotonic() - started > self._patience_s


def pending_id(number: int) -> str:
    """Return the id that stands for the run of a trial until the store has made it."""
    return f"{_PENDING}{number:04d}"


def is_pending(run_id: str) -> bool:
    """Tell whether an id stands for a run that is yet to be made."""
    return run_id.startswith(_PENDING)
