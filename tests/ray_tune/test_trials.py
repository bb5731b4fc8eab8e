"""What a worker's results become on the driver; the classes that Ray calls, called without a cluster."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from sweepkit.errors import StorageFault
from sweepkit.reports import Report

if TYPE_CHECKING:
    from sweepkit.ray_tune.trials import _WarmTrial

pytestmark = pytest.mark.ray
WARNING = "epoch-0003/state.json: this file of a checkpoint is missing; the trial starts from its first epoch"


class Director:
    """Writes down what it hears."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, object]] = []

    def reported(self, number: int, report: Report) -> bool:
        self.heard.append(("reported", report.epoch))
        return False

    def failed(self, number: int, error: str) -> None:
        self.heard.append(("failed", error.splitlines()[-1]))

    def halted(self, fault: StorageFault) -> None:
        self.heard.append(("halted", str(fault)))

    def is_over(self) -> bool:
        return False


def warm(worker: Any) -> _WarmTrial:
    """A worker's trainable as `setup` leaves it, around what takes the place of `training.Worker`."""
    from sweepkit.ray_tune.trials import _WarmTrial, _Warnings

    trainable = _WarmTrial.__new__(_WarmTrial)
    trainable._worker, trainable._task, trainable._warnings = worker, None, _Warnings()
    return trainable


def heard(result: dict[str, str]) -> tuple[list[tuple[str, object]], str]:
    """Hand a result to the driver; return what the director hears and what Ray is told to do."""
    from sweepkit.ray_tune.trials import _Obey

    director = Director()
    trial = SimpleNamespace(config={"task": {"number": 7}})
    return director.heard, _Obey(director).on_trial_result(None, trial, result)  # type: ignore[arg-type]


def test_an_epoch_is_reported() -> None:
    result = warm(SimpleNamespace(run_epoch=lambda: Report(3, {"loss": 0.5}, 1.0))).step()
    assert heard(result) == ([("reported", 3)], "CONTINUE")


def test_an_exception_fails_its_trial_only() -> None:
    def run_epoch() -> Report:
        raise ValueError("the toy cannot be trained")

    result = warm(SimpleNamespace(run_epoch=run_epoch)).step()
    assert heard(result) == ([("failed", "ValueError: the toy cannot be trained")], "STOP")


def test_a_storage_that_takes_no_more_fails_no_trial() -> None:
    def run_epoch() -> Report:
        raise StorageFault("a/epoch-0003 cannot be written: no space left on device")

    result = warm(SimpleNamespace(run_epoch=run_epoch)).step()
    assert heard(result) == ([("halted", "a/epoch-0003 cannot be written: no space left on device")], "STOP")


def test_what_a_worker_warns_of_is_said_by_the_driver_once(caplog: pytest.LogCaptureFixture) -> None:
    trainable = warm(SimpleNamespace(run_epoch=lambda: Report(1, {}, 1.0)))
    record = logging.LogRecord("sweepkit.checkpoints", logging.WARNING, "", 0, WARNING, (), None)
    trainable._warnings.handle(record)
    heard(trainable.step())
    heard(trainable.step())
    assert caplog.messages == [f"trial 7: {WARNING}"]
