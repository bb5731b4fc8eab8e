"""When a silent worker is killed, with a made-up clock and names for actors."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from sweepkit.runners.ray_tune.watchdog import Watchdog

pytestmark = pytest.mark.ray


class Rounds:
    """A watchdog with a made-up clock, and Tune's loop around it."""

    def __init__(self, timeout_s: float | None) -> None:
        self.now, self.killed = 0.0, []
        self.watchdog = Watchdog(timeout_s, clock=lambda: self.now, kill=self.killed.append)

    def start(self, name: str) -> Any:
        trial = SimpleNamespace(trial_id=name, temporary_state=SimpleNamespace(ray_actor=f"worker of {name}"))
        self.watchdog.on_trial_start(0, [], trial)
        return trial

    def pass_s(self, seconds: float, step: float = 1.0) -> None:
        for _ in range(round(seconds / step)):
            self.now += step
            self.watchdog.on_step_begin(0, [])


@pytest.mark.parametrize(("seconds", "killed"), [(59, []), (60, ["worker of a"]), (200, ["worker of a"])])
def test_a_worker_that_is_silent_for_too_long_is_killed_once(seconds: float, killed: list[str]) -> None:
    rounds = Rounds(60)
    rounds.start("a")
    rounds.pass_s(seconds)
    assert rounds.killed == killed


def test_a_report_starts_the_clock_again_for_its_own_worker_only() -> None:
    rounds = Rounds(60)
    reporting, silent = rounds.start("a"), rounds.start("b")
    rounds.pass_s(40)
    rounds.watchdog.note_report(reporting)
    rounds.pass_s(40)
    assert rounds.killed == ["worker of b"]
    hung, fine = rounds.watchdog.ended(silent), rounds.watchdog.ended(reporting)
    assert hung is not None
    assert fine is not None
    assert (hung.was_hung, fine.was_hung) == (True, False)


def test_without_a_timeout_no_worker_is_killed() -> None:
    rounds = Rounds(None)
    rounds.start("a")
    rounds.pass_s(10_000)
    assert rounds.killed == []


def test_a_worker_that_exits_has_half_a_minute() -> None:
    rounds = Rounds(None)
    trial = rounds.start("a")
    rounds.watchdog.note_report(trial, is_exiting=True)
    rounds.pass_s(29)
    assert rounds.killed == []
    rounds.pass_s(1)
    assert rounds.killed == ["worker of a"]


def test_an_attempt_that_has_ended_is_not_timed_any_more() -> None:
    rounds = Rounds(60)
    trial = rounds.start("a")
    assert rounds.watchdog.ended(trial) is not None
    rounds.pass_s(100)
    assert rounds.killed == []
    assert rounds.watchdog.ended(trial) is None


def test_time_in_which_the_driver_itself_was_suspended_is_not_silence() -> None:
    rounds = Rounds(60)
    rounds.start("a")
    rounds.pass_s(3600, step=3600)
    assert rounds.killed == []


def test_an_unreachable_worker_is_killed_for_good() -> None:
    rounds = Rounds(None)
    trial = rounds.start("a")
    rounds.watchdog.lost(trial)
    rounds.watchdog.lost(trial)
    assert rounds.killed == ["worker of a"]
