"""Calls to a store that may be slow or away, one after another in a thread of their own, in the order they came."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable

from sweepkit.tracking.errors import AwayError, RefusedError, StoreError

logger = logging.getLogger(__name__)
_MOST_FAILURES = 5  # of the store at one call; not to be reached at all does not count


class Background:
    """A queue of calls; one that finds the store away is tried again until it is back.

    Args:
        name: of the store, for the log.
        retry_s: between two attempts of the same call.
        probe: a call that a healthy store does not fail at; it tells a store that is ill, which is waited for, from
            a single call that it will never manage.

    Attributes:
        is_away: whether the store did not answer when it was last asked.
        n_lost: calls that were given up.
    """

    def __init__(self, name: str, *, retry_s: float = 5.0, probe: Callable[[], object] | None = None) -> None:
        self._name, self._retry_s, self._probe = name, retry_s, probe
        self._calls: deque[Callable[[], object]] = deque()
        self._changed = threading.Condition()
        self._is_closing = False
        self.is_away = False
        self.n_lost = 0
        self._n_failures = 0
        self._thread = threading.Thread(target=self._run, name="sweepkit-tracking", daemon=True)
        self._thread.start()

    def put(self, call: Callable[[], object]) -> None:
        """Append a call and return at once."""
        with self._changed:
            self._calls.append(call)
            self._changed.notify_all()

    def flush(self, timeout_s: float) -> bool:
        """Wait until all calls are done; False when the time is up or the store is away."""
        with self._changed:
            self._changed.wait_for(lambda: not self._calls or self.is_away, timeout_s)
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
        try:
            call()
        except AwayError as error:
            self._n_failures += error.has_answered
            if self._n_failures < _MOST_FAILURES or self._is_ill():
                self._note_away(error)
                return False
            self.n_lost += 1
            logger.error("%s failed %d times, gave up: %s", self._name, self._n_failures, error)
        except RefusedError as error:
            logger.warning("%s refused: %s", self._name, error)
        except Exception:  # a view that fails must not fail what it shows
            self.n_lost += 1
            logger.exception("telling %s failed", self._name)
        if self.is_away:
            logger.warning("%s answers again", self._name)
        self._n_failures, self.is_away = 0, False
        return True

    def _is_ill(self) -> bool:
        """Tell whether the store fails at anything, and not at one call only."""
        try:
            if self._probe:
                self._probe()
        except StoreError:
            self._n_failures = 0
            return True
        return False

    def _note_away(self, error: AwayError) -> None:
        if not self.is_away:
            logger.warning("%s does not answer, what it is to be told waits: %s", self._name, error)
        with self._changed:
            self.is_away = True
            self._changed.notify_all()

    def _wait_to_retry(self) -> bool:
        """Wait, and tell whether to try again: when closing begins meanwhile, once more."""
        with self._changed:
            if self._is_closing:
                return False
            self._changed.wait_for(lambda: self._is_closing, self._retry_s)
            return True
