"""The controller over a real study and a real folder, without tracking, and with a callback that keeps its calls."""

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
from sweepkit.tracking.run_metadata import run_name
from sweepkit.trial.failure import Failure
from sweepkit.trial.request import trial_seed
from sweepkit.trial.trial import Report, Trial, TrialState
from tests.support.controllers import SPACE, Diary, report, run_one

Made = tuple[SweepController, SweepStudy, Diary, Storage]


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Made]:
    def made(*, clock: Callable[[], float] = lambda: 0.0, **sections: dict[str, object]) -> Made:
        document = {
            "sweep": "toy",
            "package": "toy",
            "objective": {"metric": "score", "mode": "max"},
            "search": {"sampler": "random", "trials": 4},
            "stopping": {"rule": "none", "max_epochs": 2},
            "storage": {"keep": 2},
        }
        config = SweepConfig.model_validate(document | sections)
        study = SweepStudy.open(tmp_path / "journal.log", config, SPACE)
        storage, diary = Storage.at(str(tmp_path / "runs")), Diary()
        context = DriverContext(clock=clock, now=lambda: 5.0)
        controller = SweepController(study, SweepFolder(storage, config.sweep), diary, context=context)
        return controller, study, diary, storage

    return made


def test_trials_are_handed_out_until_the_target(make: Callable[..., Made]) -> None:
    controller, _, diary, _ = make()
    assert [run_one(controller, 0.5) for _ in range(4)] == [0, 1, 2, 3]
    assert controller.next_trial() is None
    assert diary.calls[:3] == [("started", 0), ("reported", 0), ("ended", 0)]


def test_a_trial_has_a_seed_of_its_own(make: Callable[..., Made]) -> None:
    controller, *_ = make()
    seeds = [request.seed for request in (controller.next_trial(), controller.next_trial()) if request]
    assert seeds == [trial_seed(0, 0), trial_seed(0, 1)]
    assert seeds[0] != seeds[1]
    assert all(0 <= seed < 2**32 for seed in seeds)


def test_unfinished_trials_come_first_and_resume(make: Callable[..., Made]) -> None:
    before, *_ = make()
    request = before.next_trial()
    assert request is not None
    before.reported(request.number, report(1, 0.5))
    after, *_ = make()
    again = after.next_trial()
    assert again is not None
    assert (again.number, again.params, again.seed) == (request.number, request.params, request.seed)
    assert (again.resumes, again.epochs_reported) == (True, 1)
    following = after.next_trial()
    assert following is not None
    assert (following.number, following.resumes) == (1, False)


def test_a_failed_trial_keeps_its_traceback_and_names_its_log(make: Callable[..., Made]) -> None:
    controller, study, *_ = make(budget={"retries": 0})
    controller.next_trial()
    controller.failed(0, "Traceback …\nValueError: no units")
    trial = study.trial(0)
    assert trial.state is TrialState.FAILED
    assert trial.reason is not None
    assert trial.reason.startswith("ValueError: no units (log: ")
    assert trial.reason.endswith("/sweeps/toy/trials/0000/log.txt)")
    assert study.error(0) == "Traceback …\nValueError: no units"


def test_a_fault_is_tried_again_from_where_the_trial_was_and_then_fails(make: Callable[..., Made]) -> None:
    controller, study, diary, _ = make()
    first = controller.next_trial()
    controller.reported(0, report(1, 0.5))
    controller.failed(0, "Traceback …\nOSError: once")
    second = controller.next_trial()
    assert first is not None
    assert second is not None
    assert (second.number, second.params, second.seed) == (0, first.params, first.seed)
    assert (first.attempt, first.resumes, first.epochs_reported) == (1, False, 0)
    assert (second.attempt, second.resumes, second.epochs_reported) == (2, True, 1)
    assert diary.remarks == ["trial 0 attempt 1: OSError: once; attempt 2 resumes after epoch 1"]
    controller.failed(0, "OSError: twice")
    trial = study.trial(0)
    assert trial.state is TrialState.FAILED
    assert trial.failures == (
        Failure(1, "Traceback …\nOSError: once", counts=True, timestamp=5.0),
        Failure(1, "OSError: twice", counts=True, timestamp=5.0),
    )
    assert diary.calls == [("started", 0), ("reported", 0), ("started", 0), ("ended", 0)]


def test_a_trial_that_is_tried_again_can_complete(make: Callable[..., Made]) -> None:
    controller, study, *_ = make()
    controller.next_trial()
    controller.failed(0, "OSError: once")
    assert run_one(controller, 0.5) == 0
    trial = study.trial(0)
    assert (trial.state, trial.epoch, len(trial.failures)) == (TrialState.COMPLETE, 2, 1)
    assert study.error(0) is None


def test_other_trials_go_on_while_one_waits_for_its_next_attempt(make: Callable[..., Made]) -> None:
    controller, *_ = make()
    assert [request.number for request in (controller.next_trial(), controller.next_trial()) if request] == [0, 1]
    controller.failed(0, "OSError: once")
    assert controller.progress().n_running == 1
    assert controller.reported(1, report(1, 0.5)) is False
    again = controller.next_trial()
    assert again is not None
    assert again.number == 0


def test_a_lost_node_does_not_count(make: Callable[..., Made]) -> None:
    controller, study, diary, _ = make(budget={"retries": 0})
    for attempt in (1, 2, 3):
        request = controller.next_trial()
        assert request is not None
        assert (request.number, request.attempt) == (0, attempt)
        controller.failed(0, "its node was lost", counts=False)
    assert study.trial(0).state is None
    assert diary.remarks[0] == (
        "trial 0 attempt 1: its node was lost (does not count); attempt 2 resumes after epoch 0"
    )


def test_attempts_survive_a_restart_of_the_driver(make: Callable[..., Made]) -> None:
    before, *_ = make()
    before.next_trial()
    before.failed(0, "OSError: once")
    after, study, *_ = make()
    request = after.next_trial()
    assert request is not None
    assert (request.number, request.attempt) == (0, 2)
    after.failed(0, "OSError: twice")
    assert study.trial(0).state is TrialState.FAILED


def test_a_loss_that_is_nan_is_not_tried_again(make: Callable[..., Made]) -> None:
    controller, study, *_ = make(budget={"retries": 3})
    controller.next_trial()
    assert controller.reported(0, Report(1, {"score": float("nan")}, 0.0)) is True
    assert (study.trial(0).state, study.trial(0).failures) == (TrialState.FAILED, ())


def test_a_trial_that_never_began_is_handed_out_again_first_and_has_no_fault(make: Callable[..., Made]) -> None:
    controller, study, diary, _ = make()
    controller.next_trial()
    controller.returned(0, "the one before held 3 GB")
    assert controller.progress().n_running == 0
    assert run_one(controller, 0.5) == 0
    assert study.trial(0).failures == ()
    assert diary.remarks == ["trial 0 moves to another worker: the one before held 3 GB"]


def test_nothing_is_tried_again_once_the_sweep_is_over(make: Callable[..., Made]) -> None:
    now = [0.0]
    controller, study, *_ = make(budget={"hours": 1.0}, clock=lambda: now[0])
    controller.next_trial()
    now[0] = 3600.0
    controller.failed(0, "OSError: once")
    assert controller.next_trial() is None
    assert [trial.number for trial in study.unfinished()] == [0]


def test_a_failure_after_the_end_changes_nothing(make: Callable[..., Made]) -> None:
    controller, study, *_ = make()
    run_one(controller, 0.5)
    controller.failed(0, "its worker died while it was being stopped")
    assert study.trial(0).state is TrialState.COMPLETE


@pytest.mark.parametrize(("allowed", "n_failures", "over"), [(1, 1, False), (1, 2, True), (0, 1, True)])
def test_one_failure_more_than_allowed_ends_the_sweep(
    make: Callable[..., Made], allowed: int, n_failures: int, over: bool
) -> None:
    controller, *_ = make(budget={"failures": allowed, "retries": 0})
    for number in range(n_failures):
        controller.next_trial()
        controller.failed(number, "boom")
    assert controller.is_over() is over
    assert (controller.next_trial() is None) is over
    if over:
        assert controller.over == f"{n_failures} trials failed, more than budget.failures: {allowed} allows"


@pytest.mark.parametrize(("seconds", "over"), [(3599.0, False), (3600.0, True), (3601.0, True)])
def test_hours_are_counted_from_the_start(make: Callable[..., Made], seconds: float, over: bool) -> None:
    now = [100.0]
    controller, *_ = make(budget={"hours": 1.0}, clock=lambda: now[0])
    now[0] += seconds
    assert controller.is_over() is over
    if over:
        assert controller.over == "budget.hours: 1 is used up"


def test_a_missing_objective_ends_the_whole_sweep(make: Callable[..., Made]) -> None:
    controller, *_ = make()
    controller.next_trial()
    assert controller.reported(0, Report(1, {"loss": 0.3}, 0.0)) is True
    assert controller.is_over()
    assert controller.over == "metric 'score' was not reported at epoch 1 of trial 0; reported: 'loss'"


def test_a_loss_that_is_nan_before_anybody_validated_ends_its_own_trial_only(make: Callable[..., Made]) -> None:
    controller, study, *_ = make()
    controller.next_trial()
    assert controller.reported(0, Report(1, {"train_loss": float("nan")}, 0.0)) is True
    assert study.trial(0).reason == "train_loss is nan at epoch 1"
    assert not controller.is_over()


def test_only_the_best_ended_trials_keep_their_checkpoints(make: Callable[..., Made]) -> None:
    controller, _, _, storage = make()
    for number, score in enumerate([0.3, 0.9, 0.1, 0.5]):
        storage.write(f"sweeps/toy/trials/{number:04d}/checkpoints/epoch-0001/state.json", b"{}")
        run_one(controller, score)
    left = [number for number in range(4) if storage.names(f"sweeps/toy/trials/{number:04d}/checkpoints")]
    assert left == [1, 3]


def test_the_standing_counts_and_estimates(make: Callable[..., Made]) -> None:
    now = [0.0]
    controller, _, diary, _ = make(clock=lambda: now[0])
    now[0] = 10.0
    run_one(controller, 0.7)
    controller.next_trial()
    progress = controller.progress()
    assert (progress.n_target, progress.n_running, progress.n_ended[TrialState.COMPLETE]) == (4, 1, 1)
    assert progress.best is not None
    assert progress.best.number == 0
    assert (progress.elapsed_s, progress.eta_s) == (10.0, 30.0)
    assert diary.latest is not None


def test_nothing_is_estimated_before_the_first_end(make: Callable[..., Made]) -> None:
    controller, *_ = make()
    assert controller.progress().eta_s is None


def test_a_run_is_named_by_number_and_what_can_be_said_shortly() -> None:
    trial = Trial(7, {"cell": "gru", "units": 64, "bidirectional": True, "dropout": 0.25, "pooling": "max"})
    assert run_name(trial) == "0007 gru 64"
