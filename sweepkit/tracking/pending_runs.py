"""The making of trials' runs in a store that may be slow or away: a pending id stands for a run until there is one.

No trial waits for its run longer than a healthy store takes to make one. What is told of a pending run goes through the
background too, in order, so that the run is there when it is told.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from sweepkit.tracking.errors import RefusedError, StoreError
from sweepkit.tracking.queue import Background
from sweepkit.tracking.uris import is_file, shown

logger = logging.getLogger(__name__)

_FILE_PATIENCE_S = 30.0  # a file is slow only where the whole machine is
_SERVER_PATIENCE_S = 0.5  # a healthy server takes a tenth of that


class PendingRuns:
    """The runs that trials have been given ids for.

    Args:
        uri: of the store.
        background: where a run is made that the store does not make at once.
    """

    def __init__(self, uri: str, background: Background) -> None:
        self._uri, self._background = uri, background
        self._patience_s = _FILE_PATIENCE_S if is_file(uri) else _SERVER_PATIENCE_S
        self._real: dict[str, str] = {}
        self._is_slow = False

    def make(self, number: int, create: Callable[[bool], str], *, may_exist: bool) -> str:
        """Return the id of a trial's run, or a pending id while the store has not made it.

        Args:
            number: the trial's.
            create: looks for the run, if it is told that there may be one, and makes it otherwise; returns its id.
            may_exist: whether there may be one already.
        """
        pending, attempted = pending_id(number), threading.Event()

        def attempt() -> None:
            try:
                self._real[pending] = create(may_exist)
            except StoreError as error:
                logger.info("trial %d has no run yet: %s", number, error)
            finally:
                attempted.set()

        def make_sure() -> None:
            attempted.wait()
            started = time.monotonic()
            if pending not in self._real:
                # an attempt that was not answered may have made it nevertheless
                self._real[pending] = create(True)
            self._is_slow = time.monotonic() - started > self._patience_s

        if self._background.is_away or self._is_slow:
            attempted.set()
        else:
            threading.Thread(target=attempt, name="sweepkit-new-run", daemon=True).start()
            self._is_slow = not attempted.wait(self._patience_s)
            if self._is_slow:
                logger.warning("tracking store %s is slow to answer; no trial waits for it", shown(self._uri))
            if pending in self._real:
                return self._real[pending]
        self._background.put(make_sure)
        return pending

    def real(self, run_id: str) -> str:
        """Return the id that a run has in the store.

        Raises:
            RefusedError: it is pending, and none was made.
        """
        if not is_pending(run_id):
            return run_id
        if run_id not in self._real:
            raise RefusedError(f"there is no run for {run_id!r}")
        return self._real[run_id]


_PENDING = "pending-"


def pending_id(number: int) -> str:
    """Return what stands for the run of a trial that started while the store was away."""
    return f"{_PENDING}{number:04d}"


def is_pending(run_id: str) -> bool:
    """Tell whether this stands for a run that is yet to be made."""
    return run_id.startswith(_PENDING)
