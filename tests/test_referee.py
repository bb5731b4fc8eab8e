"""The referee over a real study and a real folder, without tracking; what happens is heard by an observer that writes
it down."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sweepkit.config.schema import SweepConfig
from sweepkit.driver.controller import SweepController
from sweepkit.driver.observer import SweepProgress
from sweepkit.driver.tracking import run_name
from sweepkit.space import Choice, Float, Space
from sweepkit.storage.storage import Storage
from sweepkit.study.study import SweepStudy
from sweepkit.trial.failure import Failure
from sweepkit.trial.request import trial_seed
from sweepkit.trial.trial import Report, Trial, TrialState

SPACE = Space({"cell": Choice(("gru", "lstm")), "rate": Float(0.1, 1.0)})


class Diary:
    """An observer that keeps what it hears."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, int]] = []
        self.standing: SweepProgress | None = None
        self.remarks: list[str] = []

    def progress(self, phase: str, done: int, total: int) -> None:
        self.heard.append((phase, done))

    def started(self, record: Trial, standing: SweepProgress) -> None:
        self.heard.append(("started", record.number))

    def reported(self, record: Trial, standing: SweepProgress) -> None:
        self.heard.append(("reported", record.number))

    def ended(self, record: Trial, standing: SweepProgress) -> None:
        self.heard.append(("ended", record.number))
        self.standing = standing

    def remarked(self, text: str) -> None:
        self.remarks.append(text)


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
        spec = SweepConfig.model_validate(document | sections)
        study = SweepStudy.open(tmp_path / "journal.log", spec, SPACE)
        storage, diary = Storage.at(str(tmp_path / "runs")), Diary()
        referee = SweepController(study, spec, storage=storage, runs=None, observer=diary, clock=clock, now=lambda: 5.0)
        return referee, study, diary, storage

    return made


def report(epoch: int, score: float) -> Report:
    return Report(epoch, {"score": score}, timestamp=0.0)


def run_one(referee: SweepController, score: float) -> int:
    task = referee.next_task()
    assert task is not None
    assert referee.reported(task.number, report(1, score)) is False
    assert referee.reported(task.number, report(2, score)) is True
    return task.number


def test_trials_are_handed_out_until_the_target(make: Callable[..., Made]) -> None:
    referee, _, diary, _ = make()
    assert [run_one(referee, 0.5) for _ in range(4)] == [0, 1, 2, 3]
    assert referee.next_task() is None
    assert diary.heard[:3] == [("started", 0), ("reported", 0), ("ended", 0)]


def test_a_trial_has_a_seed_of_its_own(make: Callable[..., Made]) -> None:
    referee, *_ = make()
    seeds = [task.seed for task in (referee.next_task(), referee.next_task()) if task]
    assert seeds == [trial_seed(0, 0), trial_seed(0, 1)]
    assert seeds[0] != seeds[1]
    assert all(0 <= seed < 2**32 for seed in seeds)


def test_unfinished_trials_come_first_and_resume(make: Callable[..., Made]) -> None:
    before, *_ = make()
    task = before.next_task()
    assert task is not None
    before.reported(task.number, report(1, 0.5))
    after, *_ = make()
    again = after.next_task()
    assert again is not None
    assert (again.number, again.point, again.seed) == (task.number, task.point, task.seed)
    assert (again.resumes, again.epochs_reported) == (True, 1)
    following = after.next_task()
    assert following is not None
    assert (following.number, following.resumes) == (1, False)


def test_a_failed_trial_keeps_its_traceback_and_names_its_log(make: Callable[..., Made]) -> None:
    referee, study, *_ = make(budget={"retries": 0})
    referee.next_task()
    referee.failed(0, "Traceback …\nValueError: no units")
    record = study.record(0)
    assert record.outcome is TrialState.FAILED
    assert record.reason is not None
    assert record.reason.startswith("ValueError: no units (log: ")
    assert record.reason.endswith("/sweeps/toy/trials/0000/log.txt)")
    assert study.error(0) == "Traceback …\nValueError: no units"


def test_a_fault_is_tried_again_from_where_the_trial_was_and_then_fails(make: Callable[..., Made]) -> None:
    referee, study, diary, _ = make()
    first = referee.next_task()
    referee.reported(0, report(1, 0.5))
    referee.failed(0, "Traceback …\nOSError: once")
    second = referee.next_task()
    assert first is not None
    assert second is not None
    assert (second.number, second.point, second.seed) == (0, first.point, first.seed)
    assert (first.attempt, first.resumes, first.epochs_reported) == (1, False, 0)
    assert (second.attempt, second.resumes, second.epochs_reported) == (2, True, 1)
    assert diary.remarks == ["trial 0 attempt 1: OSError: once; attempt 2 goes on after epoch 1"]
    referee.failed(0, "OSError: twice")
    record = study.record(0)
    assert record.outcome is TrialState.FAILED
    assert record.faults == (
        Failure(1, "Traceback …\nOSError: once", counts=True, timestamp=5.0),
        Failure(1, "OSError: twice", counts=True, timestamp=5.0),
    )
    assert diary.heard == [("started", 0), ("reported", 0), ("started", 0), ("ended", 0)]


def test_a_trial_that_is_tried_again_can_complete(make: Callable[..., Made]) -> None:
    referee, study, *_ = make()
    referee.next_task()
    referee.failed(0, "OSError: once")
    assert run_one(referee, 0.5) == 0
    record = study.record(0)
    assert (record.outcome, record.epoch, len(record.faults)) == (TrialState.COMPLETE, 2, 1)
    assert study.error(0) is None


def test_other_trials_go_on_while_one_waits_for_its_next_attempt(make: Callable[..., Made]) -> None:
    referee, *_ = make()
    assert [task.number for task in (referee.next_task(), referee.next_task()) if task] == [0, 1]
    referee.failed(0, "OSError: once")
    assert referee.standing().n_running == 1
    assert referee.reported(1, report(1, 0.5)) is False
    again = referee.next_task()
    assert again is not None
    assert again.number == 0


def test_a_lost_node_does_not_count(make: Callable[..., Made]) -> None:
    referee, study, diary, _ = make(budget={"retries": 0})
    for attempt in (1, 2, 3):
        task = referee.next_task()
        assert task is not None
        assert (task.number, task.attempt) == (0, attempt)
        referee.failed(0, "its node was lost", counts=False)
    assert study.record(0).outcome is None
    assert diary.remarks[0] == (
        "trial 0 attempt 1: its node was lost (which does not count); attempt 2 goes on after epoch 0"
    )


def test_attempts_survive_a_restart_of_the_driver(make: Callable[..., Made]) -> None:
    before, *_ = make()
    before.next_task()
    before.failed(0, "OSError: once")
    after, study, *_ = make()
    task = after.next_task()
    assert task is not None
    assert (task.number, task.attempt) == (0, 2)
    after.failed(0, "OSError: twice")
    assert study.record(0).outcome is TrialState.FAILED


def test_a_loss_that_is_nan_is_not_tried_again(make: Callable[..., Made]) -> None:
    referee, study, *_ = make(budget={"retries": 3})
    referee.next_task()
    assert referee.reported(0, Report(1, {"score": float("nan")}, 0.0)) is True
    assert (study.record(0).outcome, study.record(0).faults) == (TrialState.FAILED, ())


def test_a_trial_that_never_began_is_handed_out_again_first_and_has_no_fault(make: Callable[..., Made]) -> None:
    referee, study, diary, _ = make()
    referee.next_task()
    referee.returned(0, "the one before held 3 GB")
    assert referee.standing().n_running == 0
    assert run_one(referee, 0.5) == 0
    assert study.record(0).faults == ()
    assert diary.remarks == ["trial 0 is given to another worker: the one before held 3 GB"]


def test_nothing_is_tried_again_once_the_sweep_is_over(make: Callable[..., Made]) -> None:
    now = [0.0]
    referee, study, *_ = make(budget={"hours": 1.0}, clock=lambda: now[0])
    referee.next_task()
    now[0] = 3600.0
    referee.failed(0, "OSError: once")
    assert referee.next_task() is None
    assert [record.number for record in study.unfinished()] == [0]


def test_a_failure_after_the_end_changes_nothing(make: Callable[..., Made]) -> None:
    referee, study, *_ = make()
    run_one(referee, 0.5)
    referee.failed(0, "its worker died while it was being stopped")
    assert study.record(0).outcome is TrialState.COMPLETE


@pytest.mark.parametrize(("allowed", "n_failures", "over"), [(1, 1, False), (1, 2, True), (0, 1, True)])
def test_one_failure_more_than_allowed_ends_the_sweep(
    make: Callable[..., Made], allowed: int, n_failures: int, over: bool
) -> None:
    referee, *_ = make(budget={"failures": allowed, "retries": 0})
    for number in range(n_failures):
        referee.next_task()
        referee.failed(number, "boom")
    assert referee.is_over() is over
    assert (referee.next_task() is None) is over
    if over:
        assert referee.over == f"{n_failures} trials failed, more than budget.failures: {allowed} allows"


@pytest.mark.parametrize(("seconds", "over"), [(3599.0, False), (3600.0, True), (3601.0, True)])
def test_hours_are_counted_from_the_start(make: Callable[..., Made], seconds: float, over: bool) -> None:
    now = [100.0]
    referee, *_ = make(budget={"hours": 1.0}, clock=lambda: now[0])
    now[0] += seconds
    assert referee.is_over() is over
    if over:
        assert referee.over == "budget.hours: 1 is used up"


def test_a_missing_objective_ends_the_whole_sweep(make: Callable[..., Made]) -> None:
    referee, *_ = make()
    referee.next_task()
    assert referee.reported(0, Report(1, {"loss": 0.3}, 0.0)) is True
    assert referee.is_over()
    assert referee.over == "metric 'score' was not reported at epoch 1 of trial 0; reported: 'loss'"


def test_a_loss_that_is_nan_before_anybody_validated_ends_its_own_trial_only(make: Callable[..., Made]) -> None:
    referee, study, *_ = make()
    referee.next_task()
    assert referee.reported(0, Report(1, {"train_loss": float("nan")}, 0.0)) is True
    assert study.record(0).reason == "train_loss is nan at epoch 1"
    assert not referee.is_over()


def test_only_the_best_ended_trials_keep_their_checkpoints(make: Callable[..., Made]) -> None:
    referee, _, _, storage = make()
    for number, score in enumerate([0.3, 0.9, 0.1, 0.5]):
        storage.write(f"sweeps/toy/trials/{number:04d}/checkpoints/epoch-0001/state.json", b"{}")
        run_one(referee, score)
    left = [number for number in range(4) if storage.names(f"sweeps/toy/trials/{number:04d}/checkpoints")]
    assert left == [1, 3]


def test_the_standing_counts_and_estimates(make: Callable[..., Made]) -> None:
    now = [0.0]
    referee, _, diary, _ = make(clock=lambda: now[0])
    now[0] = 10.0
    run_one(referee, 0.7)
    referee.next_task()
    standing = referee.standing()
    assert (standing.n_target, standing.n_running, standing.n_ended[TrialState.COMPLETE]) == (4, 1, 1)
    assert standing.best is not None
    assert standing.best.number == 0
    assert (standing.elapsed_s, standing.eta_s) == (10.0, 30.0)
    assert diary.standing is not None


def test_nothing_is_estimated_before_the_first_end(make: Callable[..., Made]) -> None:
    referee, *_ = make()
    assert referee.standing().eta_s is None


def test_a_run_is_named_by_number_and_what_can_be_said_shortly() -> None:
    record = Trial(7, {"cell": "gru", "units": 64, "bidirectional": True, "dropout": 0.25, "pooling": "max"})
    assert run_name(record) == "0007 gru 64"
