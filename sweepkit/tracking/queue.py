"""Calls to a store that may be slow or unreachable, made one after another, in order, by a thread of their own."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable

from sweepkit.tracking.errors import RefusedError, StoreError, UnreachableError

logger = logging.getLogger(__name__)
_MOST_FAILURES = 5  # of a store that answers, at one call; while it is unreachable retries do not end


class CallQueue:
    """Calls that are retried while the store is unreachable.

    Order is kept: a call waits for those before it, since a run must exist before it is written to.

    Args:
        name: of the store, for the log.
        retry_s: between two attempts of the same call.
        probe: a call that succeeds on a healthy store; it distinguishes a store that fails at everything, whose
            recovery is waited for, from a single call that fails at each retry.

    Attributes:
        is_unreachable: whether the last call was not answered.
        n_lost: calls that were given up.
    """

    def __init__(self, name: str, *, retry_s: float = 5.0, probe: Callable[[], object] | None = None) -> None:
        self._name, self._retry_s, self._probe = name, retry_s, probe
        self._calls: deque[Callable[[], object]] = deque()
        self._changed = threading.Condition()
        self._is_closing = False
        self.is_unreachable = False
        self.n_lost = 0
        self._n_failures = 0
        # a daemon: a store that hangs must not keep the process alive
        self._thread = threading.Thread(target=self._run, name="sweepkit-tracking", daemon=True)
        self._thread.start()

    def put(self, call: Callable[[], object]) -> None:
        """Append a call and return at once."""
        with self._changed:
            self._calls.append(call)
            self._changed.notify_all()

    def flush(self, timeout_s: float) -> bool:
        """Wait until all calls are done; False when the time is up or the store is unreachable."""
        with self._changed:
            self._changed.wait_for(lambda: not self._calls or self.is_unreachable, timeout_s)
            return not self._calls

    def close(self, timeout_s: float) -> int:
        """Make the calls that are left, each once more, and return how many could not be made."""
        deadline = time.monotonic() + timeout_s
        with self._changed:
            self._is_closing = True
            self._changed.notify_all()
        self._thread.join(max(0.0, deadline - time.monotonic()))
        return len(self._calls)

    def _run(self) -> None:
        while call := self._next():
            if self._is_done(call):
                with self._changed:
                    # removed only when it is done, so that `flush` and `close` count the call under way
                    self._calls.popleft()
                    self._changed.notify_all()
            elif not self._wait_to_retry():
                return

    def _next(self) -> Callable[[], object] | None:
        """Wait for a call; None when there will be no more."""
        with self._changed:
            self._changed.wait_for(lambda: self._calls or self._is_closing)
            return self._calls[0] if self._calls else None

    def _is_done(self, call: Callable[[], object]) -> bool:
        """Make a call; False when it has to be retried."""
        try:
            call()
        except UnreachableError as error:
            self._n_failures += error.has_answered
            if self._n_failures < _MOST_FAILURES or self._fails_at_everything():
                self._note_unreachable(error)
                return False
            # otherwise one bad call would hold up all later ones for ever
            self.n_lost += 1
            logger.error("%s failed %d times, gave up: %s", self._name, self._n_failures, error)
        except RefusedError as error:
            # not counted as lost: `sync` could not upload it either
            logger.warning("%s refused: %s", self._name, error)
        except Exception:  # MLflow is a view; a defect there must not fail the sweep that it shows
            self.n_lost += 1
            logger.exception("a call to %s failed", self._name)
        if self.is_unreachable:
            logger.warning("%s answers again", self._name)
        self._n_failures, self.is_unreachable = 0, False
        return True

    def _fails_at_everything(self) -> bool:
        try:
            if self._probe:
                self._probe()
        except StoreError:
            # counted anew, so that a probe is made at every fifth failure and not at each
            self._n_failures = 0
            return True
        return False

    def _note_unreachable(self, error: UnreachableError) -> None:
        # one line at the beginning and one at the end, however many retries lie between them
        if not self.is_unreachable:
            logger.warning("%s is unreachable; updates are queued until it answers: %s", self._name, error)
        with self._changed:
            self.is_unreachable = True
            self._changed.notify_all()

    def _wait_to_retry(self) -> bool:
        """Wait, and return whether to retry: when closing begins meanwhile, once more."""
        with self._changed:
            if self._is_closing:
                return False
            self._changed.wait_for(lambda: self._is_closing, self._retry_s)
            return True
