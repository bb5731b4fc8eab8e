"""The calls between Ray Tune and the controller; Tune's trials are made up, no cluster is started."""

from __future__ import annotations

import json
import logging
from types import SimpleNamespace
from typing import Any

import pytest
from ray.exceptions import ActorUnavailableError, RayActorError
from ray.tune.schedulers import TrialScheduler
from ray.tune.search import Searcher

from sweepkit.errors import StorageFault
from sweepkit.runners.ray_tune import deaths
from sweepkit.runners.ray_tune.actor import WarmTrial, _Warnings
from sweepkit.runners.ray_tune.tune import _Ask, _Obey
from sweepkit.runners.ray_tune.watchdog import Watchdog
from sweepkit.trial.request import TrialRequest, TrialSettings
from sweepkit.trial.trial import Direction, Report

pytestmark = pytest.mark.ray

JOB = TrialSettings("toy", "toy", "runs", "key", {}, "score", Direction.MAX, False, 1, 0.0, None, timeout_minutes=2.0)


class Controller:
    """Hands out what it is given, stops at epoch 2 and writes down what it hears."""

    def __init__(self, *tasks: TrialRequest) -> None:
        self.tasks = list(tasks)
        self.calls: list[tuple[object, ...]] = []

    def next_trial(self) -> TrialRequest | None:
        return self.tasks.pop(0) if self.tasks else None

    def reported(self, number: int, report: Report) -> bool:
        self.calls.append(("reported", number, report.epoch))
        return report.epoch == 2

    def failed(self, number: int, error: str, *, counts: bool = True) -> None:
        self.calls.append(("failed", number, error.splitlines()[-1], counts))

    def returned(self, number: int, why: str) -> None:
        self.calls.append(("returned", number, why))

    def halted(self, fault: StorageFault) -> None:
        self.calls.append(("halted", str(fault)))

    def is_over(self) -> bool:
        return False


class Played:
    """A scheduler with its watch and controller, and one trial of Tune's that has worker `w`."""

    def __init__(self, *, has_started: bool = True, worker: str | None = "w") -> None:
        self.controller, self.killed, self.now = Controller(), [], 0.0
        self.watch = Watchdog(120.0, clock=lambda: self.now, kill=self.killed.append)
        self.obey = _Obey(self.controller, JOB, self.watch)
        self.trial = SimpleNamespace(
            trial_id="a", config={"task": {"number": 7}}, temporary_state=SimpleNamespace(ray_actor=worker)
        )
        if has_started:
            self.watch.on_trial_start(0, [], self.trial)

    def says(self, **answer: Any) -> str:
        return str(self.obey.on_trial_result(None, self.trial, {"warnings": "[]"} | answer))

    def dies(self, error: Exception) -> None:
        with deaths._handling(error):
            self.obey.on_trial_error(None, self.trial)

    @property
    def calls(self) -> list[tuple[object, ...]]:
        return self.controller.calls


def warm(worker: Any) -> WarmTrial:
    """A worker's trainable in the middle of a trial, around what takes the place of `training.Worker`."""
    trainable = WarmTrial.__new__(WarmTrial)
    trainable._worker, trainable._task, trainable._leaves, trainable._warnings = worker, None, False, _Warnings()
    return trainable


def report(epoch: int) -> str:
    return json.dumps(Report(epoch, {"score": 0.5}, 0.0).to_json())


def test_while_a_trial_runs_the_search_is_not_over_since_it_may_be_tried_again() -> None:
    controller = Controller(TrialRequest(0, {}, 0))
    ask = _Ask(controller)
    first = ask.suggest("a")
    assert isinstance(first, dict)
    assert first["task"]["number"] == 0
    assert ask.suggest("b") is None
    controller.tasks.append(TrialRequest(0, {}, 0, attempt=2))
    ask.on_trial_complete("a", error=True)
    again = ask.suggest("c")
    assert isinstance(again, dict)
    assert again["task"]["attempt"] == 2
    ask.on_trial_complete("c")
    assert ask.suggest("d") == Searcher.FINISHED


def test_reports_go_to_the_director_and_its_answer_to_tune() -> None:
    played = Played()
    assert played.says(report=report(1)) == TrialScheduler.CONTINUE
    assert played.says(report=report(2)) == TrialScheduler.STOP
    assert played.calls == [("reported", 7, 1), ("reported", 7, 2)]


def test_an_exception_ends_the_attempt_and_keeps_the_worker() -> None:
    played = Played()
    assert played.says(error="Traceback …\nValueError: x", leaves=False) == TrialScheduler.STOP
    assert played.calls == [("failed", 7, "ValueError: x", True)]


@pytest.mark.parametrize(
    ("answer", "call"),
    [
        ({"error": "ImportError: x"}, ("failed", 7, "ImportError: x", True)),
        ({"returned": "it held 3 GB"}, ("returned", 7, "it held 3 GB")),
    ],
)
def test_a_worker_that_leaves_is_called_again_and_its_exit_is_no_fault(
    answer: dict[str, str], call: tuple[object, ...]
) -> None:
    played = Played()
    assert played.says(**answer, leaves=True) == TrialScheduler.CONTINUE
    played.dies(RayActorError(error_msg="exit_actor() is called"))
    assert played.calls == [call]


def test_a_worker_that_dies_is_a_fault_of_its_attempt() -> None:
    played = Played()
    played.dies(RayActorError(error_msg="its worker process has died"))
    assert played.calls == [("failed", 7, "its worker was killed or exited", True)]


def test_a_node_out_of_reach_does_not_count_and_its_worker_is_killed_in_case_it_lives() -> None:
    played = Played()
    played.dies(ActorUnavailableError("rpc error", b"a" * 16))
    assert played.calls == [("failed", 7, "its node cannot be reached", False)]
    assert played.killed == ["w"]


def test_a_hung_worker_is_a_fault_that_says_so() -> None:
    played = Played()
    for _ in range(24):
        played.now += 5.0
        played.watch.on_step_begin(0, [])
    assert played.killed == ["w"]
    played.dies(RayActorError(error_msg="it was killed by `ray.kill`"))
    hung = "hung: no epoch within budget.timeout_minutes: 2; its worker was killed"
    assert played.calls == [("failed", 7, hung, True)]


def test_a_kept_worker_that_is_found_dead_is_no_fault_of_the_trial_that_was_to_have_it() -> None:
    played = Played(has_started=False)
    played.dies(RayActorError(error_msg="dead"))
    assert played.calls == [("returned", 7, "its worker was killed or exited")]


def test_a_fresh_worker_that_cannot_start_is_a_fault() -> None:
    played = Played(has_started=False, worker=None)
    played.dies(RayActorError(error_msg="dead"))
    assert played.calls == [("failed", 7, "its worker was killed or exited", True)]


def test_an_epoch_of_a_worker_is_reported() -> None:
    played = Played()
    result = warm(SimpleNamespace(run_epoch=lambda: Report(3, {"loss": 0.5}, 1.0))).step()
    assert played.says(**result) == TrialScheduler.CONTINUE
    assert played.calls == [("reported", 7, 3)]


def test_a_storage_that_takes_no_more_fails_no_trial() -> None:
    def run_epoch() -> Report:
        raise StorageFault("a/epoch-0003 cannot be written: no space left on device")

    played = Played()
    assert played.says(**warm(SimpleNamespace(run_epoch=run_epoch)).step()) == TrialScheduler.STOP
    assert played.calls == [("halted", "a/epoch-0003 cannot be written: no space left on device")]


def test_what_a_worker_warns_of_is_said_by_the_driver_once(caplog: pytest.LogCaptureFixture) -> None:
    played, trainable = Played(), warm(SimpleNamespace(run_epoch=lambda: Report(1, {}, 1.0)))
    warning = "epoch-0003/state.json: this file of a checkpoint is missing; the trial starts from its first epoch"
    trainable._warnings.handle(
        logging.LogRecord("sweepkit.training.checkpoints", logging.WARNING, "", 0, warning, (), None)
    )
    played.says(**trainable.step())
    played.says(**trainable.step())
    assert caplog.messages == [f"trial 7: {warning}"]
