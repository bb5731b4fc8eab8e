"""What ends a sweep before its time, and what a controller does with trials that an earlier driver left."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sweepkit.config.schema import SweepConfig
from sweepkit.driver.context import DriverContext
from sweepkit.driver.controller import SweepController
from sweepkit.storage.storage import Storage
from sweepkit.storage.sweep_folder import SweepFolder
from sweepkit.study.study import SweepStudy
from tests.support.controllers import SPACE, Diary, report, run_one

Made = tuple[SweepController, SweepStudy, Diary]


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Made]:
    """Open the study of one folder, each time with a controller of its own, as run after run does."""

    def made(
        *,
        clock: Callable[[], float] = lambda: 0.0,
        workers: int = 1,
        lost: Callable[[], str | None] = lambda: None,
        **sections: dict[str, object],
    ) -> Made:
        document = {
            "sweep": "toy",
            "package": "toy",
            "objective": {"metric": "score", "mode": "max"},
            "search": {"sampler": "random", "trials": 4},
            "stopping": {"rule": "none", "max_epochs": 2},
        }
        config = SweepConfig.model_validate(document | sections)
        study, diary = SweepStudy.open(tmp_path / "journal.log", config, SPACE), Diary()
        storage = Storage.at(str(tmp_path / "runs"))
        context = DriverContext(workers, lost, clock)
        controller = SweepController(study, SweepFolder(storage, config.sweep), diary, context=context)
        return controller, study, diary

    return made


@pytest.mark.parametrize(("n_epochs", "over"), [(2, False), (3, True), (4, True)])
def test_epochs_of_all_trials_count(make: Callable[..., Made], n_epochs: int, over: bool) -> None:
    controller, study, *_ = make(budget={"epochs": 3}, stopping={"rule": "none", "max_epochs": 9})
    numbers = [request.number for request in (controller.next_trial(), controller.next_trial()) if request]
    for epoch in range(n_epochs):
        assert controller.reported(numbers[epoch % 2], report(epoch // 2 + 1, 0.5)) is False
    assert controller.is_over() is over
    assert (controller.next_trial() is None) is over
    assert len(study.unfinished()) == (2 if over else 3), "what was running can go on"
    if over:
        assert controller.over == "budget.epochs: 3 is used up"


def test_an_epoch_that_is_reported_again_counts_once(make: Callable[..., Made]) -> None:
    controller, *_ = make(budget={"epochs": 2}, stopping={"rule": "none", "max_epochs": 9})
    controller.next_trial()
    controller.reported(0, report(1, 0.5))
    controller.reported(0, report(1, 0.5))
    assert controller.usage().epochs == 1


@pytest.mark.parametrize(("seconds", "over"), [(3599.0, False), (3600.0, True), (3601.0, True)])
def test_money_counts_all_workers(make: Callable[..., Made], seconds: float, over: bool) -> None:
    now = [0.0]
    budget = {"money": 3.0, "price_per_worker_hour": 1.5}
    controller, *_ = make(budget=budget, workers=2, clock=lambda: now[0])
    now[0] += seconds
    assert controller.is_over() is over


def test_what_earlier_runs_spent_counts_and_a_larger_budget_goes_on(
    make: Callable[..., Made], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sweepkit.study.study.time.time", lambda: 1000.0)
    first, study, *_ = make(budget={"hours": 1.0, "epochs": 3})
    with study.running(workers=2):
        run_one(first, 0.5)
        monkeypatch.setattr("sweepkit.study.study.time.time", lambda: 4000.0)
    again, *_ = make(budget={"hours": 1.0, "epochs": 3})
    assert (again.usage().seconds, again.usage().worker_seconds, again.usage().epochs) == (3000.0, 6000.0, 2)
    again.next_trial()
    again.reported(1, report(1, 0.5))
    assert again.over is None
    assert again.is_over()
    assert again.over == "budget.epochs: 3 is used up"
    usage, *_ = make(budget={"hours": 0.5})
    assert usage.next_trial() is None
    assert usage.over == "budget.hours: 0.5 is used up"
    larger, *_ = make(budget={"hours": 1.0, "epochs": 9})
    request = larger.next_trial()
    assert request is not None
    assert (request.number, request.resumes, request.epochs_reported) == (1, True, 1)


def test_a_driver_that_another_one_took_over_from_ends(make: Callable[..., Made]) -> None:
    reasons: list[str | None] = [None]
    controller, *_ = make(lost=lambda: reasons[0])
    controller.next_trial()
    assert not controller.is_over()
    reasons[0] = "another driver has taken over"
    assert controller.is_over()
    assert controller.over == "another driver has taken over"


def test_what_had_come_to_its_end_when_the_driver_died_ends_and_is_not_trained(make: Callable[..., Made]) -> None:
    _, study, *_ = make()
    trial = study.ask()
    assert trial is not None
    study.report(0, report(1, 0.4))
    study.report(0, report(2, 0.5))  # and now it dies, before it writes the end down
    controller, study, diary = make()
    request = controller.next_trial()
    assert request is not None
    assert (request.number, request.resumes) == (1, False)
    assert study.trial(0).reason == "ran all 2 epochs"
    assert diary.calls[-1] == ("started", 1)


def test_a_trial_that_goes_on_brings_its_reports(make: Callable[..., Made]) -> None:
    before, *_ = make()
    before.next_trial()
    before.reported(0, report(1, 0.5))
    after, *_ = make()
    request = after.next_trial()
    assert request is not None
    assert request.reports == (report(1, 0.5).to_json(),)


def test_an_epoch_that_was_trained_again_is_not_told_again(make: Callable[..., Made]) -> None:
    before, *_ = make(stopping={"rule": "none", "max_epochs": 9})
    before.next_trial()
    for epoch in (1, 2):
        before.reported(0, report(epoch, 0.5))
    after, _, diary = make(stopping={"rule": "none", "max_epochs": 9})
    after.next_trial()
    for epoch in (1, 2, 3):
        assert after.reported(0, report(epoch, 0.5)) is False
    assert diary.calls == [("started", 0), ("reported", 0)]
