"""The referee over a real study and a real folder, without tracking; what happens is heard by an observer that writes
it down."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sweepkit.config import SweepSpec
from sweepkit.leaderboard import Standing
from sweepkit.recording import run_name
from sweepkit.referee import Referee, trial_seed
from sweepkit.reports import Outcome, Report, TrialRecord
from sweepkit.space import Choice, Float, Space
from sweepkit.storage import Storage
from sweepkit.study import SweepStudy

SPACE = Space({"cell": Choice(("gru", "lstm")), "rate": Float(0.1, 1.0)})


class Diary:
    """An observer that keeps what it hears."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, int]] = []
        self.standing: Standing | None = None

    def progress(self, phase: str, done: int, total: int) -> None:
        self.heard.append((phase, done))

    def started(self, record: TrialRecord, standing: Standing) -> None:
        self.heard.append(("started", record.number))

    def reported(self, record: TrialRecord, standing: Standing) -> None:
        self.heard.append(("reported", record.number))

    def ended(self, record: TrialRecord, standing: Standing) -> None:
        self.heard.append(("ended", record.number))
        self.standing = standing


Made = tuple[Referee, SweepStudy, Diary, Storage]


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Made]:
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
            "storage": {"keep": 2},
        }
        spec = SweepSpec.model_validate(document | sections)
        study = SweepStudy.open(tmp_path / "journal.log", spec, SPACE)
        storage, diary = Storage.at(str(tmp_path / "runs")), Diary()
        referee = Referee(
            study, spec, storage=storage, runs=None, observer=diary, clock=clock, workers=workers, lost=lost
        )
        return referee, study, diary, storage

    return made


def report(epoch: int, score: float) -> Report:
    return Report(epoch, {"score": score}, timestamp=0.0)


def run_one(referee: Referee, score: float) -> int:
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
    referee, study, *_ = make()
    referee.next_task()
    referee.failed(0, "Traceback …\nValueError: no units")
    record = study.record(0)
    assert record.outcome is Outcome.FAILED
    assert record.reason is not None
    assert record.reason.startswith("ValueError: no units (log: ")
    assert record.reason.endswith("/sweeps/toy/trials/0000/log.txt)")
    assert study.error(0) == "Traceback …\nValueError: no units"


def test_a_failure_after_the_end_changes_nothing(make: Callable[..., Made]) -> None:
    referee, study, *_ = make()
    run_one(referee, 0.5)
    referee.failed(0, "its worker died while it was being stopped")
    assert study.record(0).outcome is Outcome.COMPLETE


@pytest.mark.parametrize(("allowed", "n_failures", "over"), [(1, 1, False), (1, 2, True), (0, 1, True)])
def test_one_failure_more_than_allowed_ends_the_sweep(
    make: Callable[..., Made], allowed: int, n_failures: int, over: bool
) -> None:
    referee, *_ = make(budget={"failures": allowed})
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


@pytest.mark.parametrize(("n_epochs", "over"), [(2, False), (3, True), (4, True)])
def test_epochs_of_all_trials_count(make: Callable[..., Made], n_epochs: int, over: bool) -> None:
    referee, study, *_ = make(budget={"epochs": 3}, stopping={"rule": "none", "max_epochs": 9})
    numbers = [task.number for task in (referee.next_task(), referee.next_task()) if task]
    for epoch in range(n_epochs):
        assert referee.reported(numbers[epoch % 2], report(epoch // 2 + 1, 0.5)) is False
    assert referee.is_over() is over
    assert (referee.next_task() is None) is over
    assert len(study.unfinished()) == (2 if over else 3), "what was running can go on"
    if over:
        assert referee.over == "budget.epochs: 3 is used up"


def test_an_epoch_that_is_reported_again_counts_once(make: Callable[..., Made]) -> None:
    referee, *_ = make(budget={"epochs": 2}, stopping={"rule": "none", "max_epochs": 9})
    referee.next_task()
    referee.reported(0, report(1, 0.5))
    referee.reported(0, report(1, 0.5))
    assert referee.spent().epochs == 1


@pytest.mark.parametrize(("seconds", "over"), [(3599.0, False), (3600.0, True), (3601.0, True)])
def test_money_counts_all_workers(make: Callable[..., Made], seconds: float, over: bool) -> None:
    now = [0.0]
    budget = {"money": 3.0, "price_per_worker_hour": 1.5}
    referee, *_ = make(budget=budget, workers=2, clock=lambda: now[0])
    now[0] += seconds
    assert referee.is_over() is over


def test_what_earlier_runs_spent_counts_and_a_larger_budget_goes_on(
    make: Callable[..., Made], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sweepkit.study.time.time", lambda: 1000.0)
    first, study, *_ = make(budget={"hours": 1.0, "epochs": 3})
    with study.running(workers=2):
        run_one(first, 0.5)
        monkeypatch.setattr("sweepkit.study.time.time", lambda: 4000.0)
    again, *_ = make(budget={"hours": 1.0, "epochs": 3})
    assert (again.spent().seconds, again.spent().worker_seconds, again.spent().epochs) == (3000.0, 6000.0, 2)
    again.next_task()
    again.reported(1, report(1, 0.5))
    assert again.over is None
    assert again.is_over()
    assert again.over == "budget.epochs: 3 is used up"
    spent, *_ = make(budget={"hours": 0.5})
    assert spent.next_task() is None
    assert spent.over == "budget.hours: 0.5 is used up"
    larger, *_ = make(budget={"hours": 1.0, "epochs": 9})
    task = larger.next_task()
    assert task is not None
    assert (task.number, task.resumes, task.epochs_reported) == (1, True, 1)


def test_a_driver_that_another_one_took_over_from_ends(make: Callable[..., Made]) -> None:
    reasons: list[str | None] = [None]
    referee, *_ = make(lost=lambda: reasons[0])
    referee.next_task()
    assert not referee.is_over()
    reasons[0] = "another driver has taken over"
    assert referee.is_over()
    assert referee.over == "another driver has taken over"


def test_what_had_come_to_its_end_when_the_driver_died_ends_and_is_not_trained(make: Callable[..., Made]) -> None:
    _, study, *_ = make()
    trial = study.ask()
    assert trial is not None
    study.report(0, report(1, 0.4))
    study.report(0, report(2, 0.5))  # and now it dies, before it writes the end down
    referee, study, diary, _ = make()
    task = referee.next_task()
    assert task is not None
    assert (task.number, task.resumes) == (1, False)
    assert study.record(0).reason == "ran all 2 epochs"
    assert diary.heard == [("ended", 0), ("started", 1)]


def test_a_trial_that_goes_on_brings_its_reports(make: Callable[..., Made]) -> None:
    before, *_ = make()
    before.next_task()
    before.reported(0, report(1, 0.5))
    after, *_ = make()
    task = after.next_task()
    assert task is not None
    assert task.known == (report(1, 0.5).to_json(),)


def test_a_missing_objective_ends_the_whole_sweep(make: Callable[..., Made]) -> None:
    referee, *_ = make()
    referee.next_task()
    assert referee.reported(0, Report(1, {"loss": 0.3}, 0.0)) is True
    assert referee.is_over()
    assert referee.over == "metric 'score' was not reported at epoch 1 of trial 0; reported: 'loss'"


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
    assert (standing.n_target, standing.n_running, standing.n_ended[Outcome.COMPLETE]) == (4, 1, 1)
    assert standing.best is not None
    assert standing.best.number == 0
    assert (standing.elapsed_s, standing.eta_s) == (10.0, 30.0)
    assert diary.standing is not None


def test_nothing_is_estimated_before_the_first_end(make: Callable[..., Made]) -> None:
    referee, *_ = make()
    assert referee.standing().eta_s is None


def test_a_run_is_named_by_number_and_what_can_be_said_shortly() -> None:
    record = TrialRecord(7, {"cell": "gru", "units": 64, "bidirectional": True, "dropout": 0.25, "pooling": "max"})
    assert run_name(record) == "0007 gru 64"
