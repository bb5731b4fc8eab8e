"""The queue to a store that may be slow or away. No MLflow needed."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator

import pytest

from sweepkit.tracking.errors import AwayError, RefusedError
from sweepkit.tracking.queue import Background


class Shelf:
    """A store that can be switched off."""

    def __init__(self) -> None:
        self.items: list[int] = []
        self.is_on = True
        self.asked = threading.Event()

    def add(self, item: int) -> Callable[[], None]:
        def call() -> None:
            self.asked.set()
            if not self.is_on:
                raise AwayError("nobody is there")
            self.items.append(item)

        return call


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def background() -> Iterator[Background]:
    background = Background("the shelf", retry_s=0.01)
    yield background
    background.close(5)


def test_calls_are_made_in_order(background: Background, shelf: Shelf) -> None:
    for item in range(50):
        background.put(shelf.add(item))
    assert background.flush(5)
    assert shelf.items == list(range(50))


def test_nobody_waits_for_a_slow_store(background: Background) -> None:
    release = threading.Event()
    background.put(release.wait)
    assert not background.flush(0.01)
    release.set()
    assert background.flush(5)


def test_what_a_store_was_not_told_while_away_it_is_told_in_order_when_it_is_back(
    background: Background, shelf: Shelf, caplog: pytest.LogCaptureFixture
) -> None:
    shelf.is_on = False
    for item in range(3):
        background.put(shelf.add(item))
    assert not background.flush(5)
    assert background.is_away
    shelf.is_on = True
    shelf.asked.clear()
    assert shelf.asked.wait(5)
    background.put(shelf.add(3))
    assert background.close(5) == 0
    assert shelf.items == [0, 1, 2, 3]
    assert caplog.messages == [
        "the shelf does not answer, what it is to be told waits: nobody is there",
        "the shelf answers again",
    ]


def test_a_call_that_the_store_itself_fails_at_does_not_hold_up_the_others_for_ever(
    background: Background, shelf: Shelf, caplog: pytest.LogCaptureFixture
) -> None:
    attempts = []

    def failing() -> None:
        attempts.append(1)
        raise AwayError("internal error", has_answered=True)

    background.put(failing)
    background.put(shelf.add(1))
    assert shelf.asked.wait(5)
    assert background.close(5) == 0
    assert len(attempts) == 5
    assert shelf.items == [1]
    assert "the shelf failed 5 times, gave up: internal error" in caplog.messages


def test_closing_while_the_store_is_away_tries_once_more_and_counts_what_is_left(shelf: Shelf) -> None:
    background = Background("the shelf", retry_s=3600)
    shelf.is_on = False
    for item in range(3):
        background.put(shelf.add(item))
    background.flush(5)
    shelf.asked.clear()
    assert background.close(5) == 3
    assert shelf.asked.is_set()


def test_closing_does_not_wait_for_ever() -> None:
    background, release = Background("the shelf"), threading.Event()
    background.put(release.wait)
    assert background.close(0.01) == 1
    release.set()


def test_a_refusal_is_logged_and_the_rest_goes_on(
    background: Background, shelf: Shelf, caplog: pytest.LogCaptureFixture
) -> None:
    def refused() -> None:
        raise RefusedError("no such run")

    background.put(refused)
    background.put(shelf.add(1))
    assert background.flush(5)
    assert shelf.items == [1]
    assert caplog.messages == ["the shelf refused: no such run"]


def test_a_defect_leaves_its_traceback_in_the_log_and_the_rest_goes_on(
    background: Background, shelf: Shelf, caplog: pytest.LogCaptureFixture
) -> None:
    background.put(lambda: 1 / 0)
    background.put(shelf.add(1))
    assert background.flush(5)
    assert shelf.items == [1]
    assert caplog.records[0].levelno == logging.ERROR
    assert "ZeroDivisionError" in caplog.text
