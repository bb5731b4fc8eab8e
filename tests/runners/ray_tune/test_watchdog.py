"""When a silent worker is killed; the clock is a list, workers are names."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from sweepkit.runners.ray_tune.watchdog import Watchdog

pytestmark = pytest.mark.ray


class Rounds:
    """A watch with a made-up clock, and Tune's loop around it."""

    def __init__(self, timeout_s: float | None) -> None:
        self.now, self.killed = 0.0, []
        self.watch = Watchdog(timeout_s, clock=lambda: self.now, kill=self.killed.append)

    def start(self, name: str) -> Any:
        trial = SimpleNamespace(trial_id=name, temporary_state=SimpleNamespace(ray_actor=f"worker of {name}"))
        self.watch.on_trial_start(0, [], trial)
        return trial

    def pass_s(self, seconds: float, step: float = 1.0) -> None:
        for _ in range(round(seconds / step)):
            self.now += step
            self.watch.on_step_begin(0, [])


@pytest.mark.parametrize(("seconds", "killed"), [(59, []), (60, ["worker of a"]), (200, ["worker of a"])])
def test_a_worker_that_says_nothing_for_too_long_is_killed_once(seconds: float, killed: list[str]) -> None:
    rounds = Rounds(60)
    rounds.start("a")
    rounds.pass_s(seconds)
    assert rounds.killed == killed


def test_a_report_starts_the_clock_again_for_its_own_worker_only() -> None:
    rounds = Rounds(60)
    talks, silent = rounds.start("a"), rounds.start("b")
    rounds.pass_s(40)
    rounds.watch.note_report(talks)
    rounds.pass_s(40)
    assert rounds.killed == ["worker of b"]
    hung, fine = rounds.watch.ended(silent), rounds.watch.ended(talks)
    assert hung is not None
    assert fine is not None
    assert (hung.was_hung, fine.was_hung) == (True, False)


def test_without_a_timeout_nobody_is_killed() -> None:
    rounds = Rounds(None)
    rounds.start("a")
    rounds.pass_s(10_000)
    assert rounds.killed == []


def test_a_worker_that_leaves_has_half_a_minute() -> None:
    rounds = Rounds(None)
    trial = rounds.start("a")
    rounds.watch.note_report(trial, is_leaving=True)
    rounds.pass_s(29)
    assert rounds.killed == []
    rounds.pass_s(1)
    assert rounds.killed == ["worker of a"]


def test_an_attempt_that_has_ended_is_watched_no_longer() -> None:
    rounds = Rounds(60)
    trial = rounds.start("a")
    assert rounds.watch.ended(trial) is not None
    rounds.pass_s(100)
    assert rounds.killed == []
    assert rounds.watch.ended(trial) is None


def test_while_the_driver_itself_was_stopped_nobody_was_silent() -> None:
    rounds = Rounds(60)
    rounds.start("a")
    rounds.pass_s(3600, step=3600)
    assert rounds.killed == []


def test_a_worker_that_is_out_of_reach_is_killed_for_good() -> None:
    rounds = Rounds(None)
    trial = rounds.start("a")
    rounds.watch.lost(trial)
    rounds.watch.lost(trial)
    assert rounds.killed == ["worker of a"]
