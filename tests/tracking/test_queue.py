"""The queue of calls to a store that may be slow or unreachable. No MLflow needed."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator

import pytest

from sweepkit.tracking.errors import RefusedError, UnreachableError
from sweepkit.tracking.queue import CallQueue


class Shelf:
    """A store that can be switched off."""

    def __init__(self) -> None:
        self.items: list[int] = []
        self.is_on = True
        self.called = threading.Event()

    def add(self, item: int) -> Callable[[], None]:
        def call() -> None:
            self.called.set()
            if not self.is_on:
                raise UnreachableError("connection refused")
            self.items.append(item)

        return call


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def queue() -> Iterator[CallQueue]:
    queue = CallQueue("the shelf", retry_s=0.01)
    yield queue
    queue.close(5)


def test_calls_are_made_in_order(queue: CallQueue, shelf: Shelf) -> None:
    for item in range(50):
        queue.put(shelf.add(item))
    assert queue.flush(5)
    assert shelf.items == list(range(50))


def test_nobody_waits_for_a_slow_store(queue: CallQueue) -> None:
    release = threading.Event()
    queue.put(release.wait)
    assert not queue.flush(0.01)
    release.set()
    assert queue.flush(5)


def test_calls_wait_in_order_for_an_unreachable_store(
    queue: CallQueue, shelf: Shelf, caplog: pytest.LogCaptureFixture
) -> None:
    shelf.is_on = False
    for item in range(3):
        queue.put(shelf.add(item))
    assert not queue.flush(5)
    assert queue.is_unreachable
    shelf.is_on = True
    shelf.called.clear()
    assert shelf.called.wait(5)
    queue.put(shelf.add(3))
    assert queue.close(5) == 0
    assert shelf.items == [0, 1, 2, 3]
    assert caplog.messages == [
        "the shelf is unreachable; updates are queued until it answers: connection refused",
        "the shelf answers again",
    ]


def test_a_call_that_the_store_itself_fails_at_does_not_hold_up_the_others_for_ever(
    queue: CallQueue, shelf: Shelf, caplog: pytest.LogCaptureFixture
) -> None:
    attempts = []

    def failing() -> None:
        attempts.append(1)
        raise UnreachableError("internal error", has_answered=True)

    queue.put(failing)
    queue.put(shelf.add(1))
    assert shelf.called.wait(5)
    assert queue.close(5) == 0
    assert len(attempts) == 5
    assert shelf.items == [1]
    assert "the shelf failed 5 times, gave up: internal error" in caplog.messages


def test_closing_while_the_store_is_unreachable_retries_once_and_counts_what_is_left(shelf: Shelf) -> None:
    queue = CallQueue("the shelf", retry_s=3600)
    shelf.is_on = False
    for item in range(3):
        queue.put(shelf.add(item))
    queue.flush(5)
    shelf.called.clear()
    assert queue.close(5) == 3
    assert shelf.called.is_set()


def test_closing_does_not_wait_for_ever() -> None:
    queue, release = CallQueue("the shelf"), threading.Event()
    queue.put(release.wait)
    assert queue.close(0.01) == 1
    release.set()


def test_a_refusal_is_logged_and_the_rest_goes_on(
    queue: CallQueue, shelf: Shelf, caplog: pytest.LogCaptureFixture
) -> None:
    def refused() -> None:
        raise RefusedError("no such run")

    queue.put(refused)
    queue.put(shelf.add(1))
    assert queue.flush(5)
    assert shelf.items == [1]
    assert caplog.messages == ["the shelf refused: no such run"]


def test_a_defect_leaves_its_traceback_in_the_log_and_the_rest_goes_on(
    queue: CallQueue, shelf: Shelf, caplog: pytest.LogCaptureFixture
) -> None:
    queue.put(lambda: 1 / 0)
    queue.put(shelf.add(1))
    assert queue.flush(5)
    assert shelf.items == [1]
    assert caplog.records[0].levelno == logging.ERROR
    assert "ZeroDivisionError" in caplog.text
