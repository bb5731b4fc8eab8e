"""The calls between Ray Tune and the controller, with made-up trials of Tune and without a cluster."""

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
from sweepkit.runners.ray_tune.tune import ControllerScheduler, ControllerSearcher
from sweepkit.runners.ray_tune.watchdog import Watchdog
from sweepkit.trial.request import TrialRequest, TrialSettings
from sweepkit.trial.trial import Direction, Report

pytestmark = pytest.mark.ray

SETTINGS = TrialSettings(
    "toy", "toy", "runs", "key", {}, "score", Direction.MAX, False, 1, 0.0, None, timeout_minutes=2.0
)


class Controller:
    """Hand out a list of trials, stop each at epoch 2 and keep every call."""

    def __init__(self, *requests: TrialRequest) -> None:
        self.requests = list(requests)
        self.calls: list[tuple[object, ...]] = []

    def next_trial(self) -> TrialRequest | None:
        return self.requests.pop(0) if self.requests else None

    def reported(self, number: int, report: Report) -> bool:
        self.calls.append(("reported", number, report.epoch))
        return report.epoch == 2

    def failed(self, number: int, error: str, *, counts: bool = True) -> None:
        self.calls.append(("failed", number, error.splitlines()[-1], counts))

    def returned(self, number: int, reason: str) -> None:
        self.calls.append(("returned", number, reason))

    def halted(self, error: StorageFault) -> None:
        self.calls.append(("halted", str(error)))

    def is_over(self) -> bool:
        return False


class Played:
    """A scheduler with its watchdog and controller, and one trial of Tune with the actor `w`."""

    def __init__(self, *, has_started: bool = True, actor: str | None = "w") -> None:
        self.controller, self.killed, self.now = Controller(), [], 0.0
        self.watchdog = Watchdog(120.0, clock=lambda: self.now, kill=self.killed.append)
        self.scheduler = ControllerScheduler(self.controller, SETTINGS, self.watchdog)
        self.trial = SimpleNamespace(
            trial_id="a", config={"request": {"number": 7}}, temporary_state=SimpleNamespace(ray_actor=actor)
        )
        if has_started:
            self.watchdog.on_trial_start(0, [], self.trial)

    def returns(self, **result: Any) -> str:
        return str(self.scheduler.on_trial_result(None, self.trial, {"warnings": "[]"} | result))

    def dies(self, error: Exception) -> None:
        with deaths._handling(error):
            self.scheduler.on_trial_error(None, self.trial)

    @property
    def calls(self) -> list[tuple[object, ...]]:
        return self.controller.calls


def warm(trainer: Any) -> WarmTrial:
    """Make a worker's trainable in the middle of a trial, around a substitute for `training.trainer.Trainer`."""
    trainable = WarmTrial.__new__(WarmTrial)
    trainable._trainer, trainable._request, trainable._exits, trainable._warnings = trainer, None, False, _Warnings()
    return trainable


def report(epoch: int) -> str:
    return json.dumps(Report(epoch, {"score": 0.5}, 0.0).to_json())


def test_while_a_trial_runs_the_search_is_not_over_since_it_may_be_retried() -> None:
    controller = Controller(TrialRequest(0, {}, 0))
    searcher = ControllerSearcher(controller)
    first = searcher.suggest("a")
    assert isinstance(first, dict)
    assert first["request"]["number"] == 0
    assert searcher.suggest("b") is None
    controller.requests.append(TrialRequest(0, {}, 0, attempt=2))
    searcher.on_trial_complete("a", error=True)
    again = searcher.suggest("c")
    assert isinstance(again, dict)
    assert again["request"]["attempt"] == 2
    searcher.on_trial_complete("c")
    assert searcher.suggest("d") == Searcher.FINISHED


def test_reports_go_to_the_controller_and_its_decisions_to_tune() -> None:
    played = Played()
    assert played.returns(report=report(1)) == TrialScheduler.CONTINUE
    assert played.returns(report=report(2)) == TrialScheduler.STOP
    assert played.calls == [("reported", 7, 1), ("reported", 7, 2)]


def test_an_exception_ends_the_attempt_and_keeps_the_worker() -> None:
    played = Played()
    assert played.returns(error="Traceback …\nValueError: x", exits=False) == TrialScheduler.STOP
    assert played.calls == [("failed", 7, "ValueError: x", True)]


@pytest.mark.parametrize(
    ("result", "call"),
    [
        ({"error": "ImportError: x"}, ("failed", 7, "ImportError: x", True)),
        ({"returned": "it held 3 GB"}, ("returned", 7, "it held 3 GB")),
    ],
)
def test_a_worker_that_exits_is_called_again_and_its_exit_is_not_a_failure(
    result: dict[str, str], call: tuple[object, ...]
) -> None:
    played = Played()
    assert played.returns(**result, exits=True) == TrialScheduler.CONTINUE
    played.dies(RayActorError(error_msg="exit_actor() is called"))
    assert played.calls == [call]


def test_a_worker_that_dies_is_a_failure_of_its_attempt() -> None:
    played = Played()
    played.dies(RayActorError(error_msg="its worker process has died"))
    assert played.calls == [("failed", 7, "its worker was killed or exited", True)]


def test_an_unreachable_node_does_not_count_and_its_worker_is_killed_in_case_it_lives() -> None:
    played = Played()
    played.dies(ActorUnavailableError("rpc error", b"a" * 16))
    assert played.calls == [("failed", 7, "its node cannot be reached", False)]
    assert played.killed == ["w"]


def test_a_hung_worker_is_a_failure_whose_last_line_names_the_timeout() -> None:
    played = Played()
    for _ in range(24):
        played.now += 5.0
        played.watchdog.on_step_begin(0, [])
    assert played.killed == ["w"]
    played.dies(RayActorError(error_msg="it was killed by `ray.kill`"))
    hung = "hung: no epoch within budget.timeout_minutes: 2; its worker was killed"
    assert played.calls == [("failed", 7, hung, True)]


def test_an_idle_worker_that_turns_out_dead_is_not_a_failure_of_the_trial_that_was_assigned_to_it() -> None:
    played = Played(has_started=False)
    played.dies(RayActorError(error_msg="dead"))
    assert played.calls == [("returned", 7, "its worker was killed or exited")]


def test_a_fresh_worker_that_cannot_start_is_a_failure() -> None:
    played = Played(has_started=False, actor=None)
    played.dies(RayActorError(error_msg="dead"))
    assert played.calls == [("failed", 7, "its worker was killed or exited", True)]


def test_an_epoch_of_a_worker_is_reported() -> None:
    played = Played()
    result = warm(SimpleNamespace(run_epoch=lambda: Report(3, {"loss": 0.5}, 1.0))).step()
    assert played.returns(**result) == TrialScheduler.CONTINUE
    assert played.calls == [("reported", 7, 3)]


def test_a_storage_that_cannot_be_written_fails_no_trial() -> None:
    def run_epoch() -> Report:
        raise StorageFault("a/epoch-0003 cannot be written: no space left on device")

    played = Played()
    assert played.returns(**warm(SimpleNamespace(run_epoch=run_epoch)).step()) == TrialScheduler.STOP
    assert played.calls == [("halted", "a/epoch-0003 cannot be written: no space left on device")]


def test_a_workers_warning_is_logged_by_the_driver_once(caplog: pytest.LogCaptureFixture) -> None:
    played, trainable = Played(), warm(SimpleNamespace(run_epoch=lambda: Report(1, {}, 1.0)))
    warning = "epoch-0003/state.json: this file of a checkpoint is missing; the trial starts from its first epoch"
    trainable._warnings.handle(
        logging.LogRecord("sweepkit.training.checkpoints", logging.WARNING, "", 0, warning, (), None)
    )
    played.returns(**trainable.step())
    played.returns(**trainable.step())
    assert caplog.messages == [f"trial 7: {warning}"]
