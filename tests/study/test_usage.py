"""What a sweep has spent, and which limit that reaches."""

from __future__ import annotations

import pytest

from sweepkit.config.schema import Budget
from sweepkit.study.usage import DriverRun, Usage, exhausted_limit, usage
from sweepkit.trial.trial import Report, Trial


def trial(*times: float) -> Trial:
    return Trial(0, {}, tuple(Report(epoch, {}, time) for epoch, time in enumerate(times, 1)))


def test_nothing_is_spent_before_the_first_run() -> None:
    assert usage([], []) == Usage(0.0, 0.0, 0)


def test_runs_add_up_and_the_time_between_them_does_not_count() -> None:
    runs = [DriverRun(100.0, 2, ended=160.0), DriverRun(10_000.0, 3, ended=10_100.0)]
    assert usage(runs, [trial(130.0, 155.0), trial(10_050.0)]) == Usage(160.0, 60 * 2 + 100 * 3, 3)


def test_a_run_that_was_killed_counts_up_to_its_own_last_report() -> None:
    runs = [DriverRun(100.0, 2), DriverRun(1000.0, 2), DriverRun(5000.0, 2)]
    assert usage(runs, [trial(130.0, 5020.0), trial(160.0)]) == Usage(60 + 0 + 20, 80 * 2, 3)


def test_a_worker_whose_clock_is_behind_takes_nothing_away() -> None:
    assert usage([DriverRun(100.0, 1)], [trial(90.0)]).seconds == 0.0


@pytest.mark.parametrize(
    ("epochs", "expected"), [(19, None), (20, "budget.epochs: 20 is used up"), (21, "budget.epoch")]
)
def test_epochs_end_at_their_number(epochs: int, expected: str | None) -> None:
    reason = exhausted_limit(Budget(epochs=20), Usage(epochs=epochs))
    assert (reason or "").startswith(expected or "")
    assert (reason is None) is (expected is None)


@pytest.mark.parametrize(("seconds", "is_over"), [(5399.0, False), (5400.0, True), (5401.0, True)])
def test_hours_end_at_their_number(seconds: float, is_over: bool) -> None:
    assert exhausted_limit(Budget(hours=1.5), Usage(seconds=seconds)) == (
        "budget.hours: 1.5 is used up" if is_over else None
    )


@pytest.mark.parametrize(("worker_seconds", "is_over"), [(112_499.0, False), (112_500.0, True), (112_501.0, True)])
def test_money_ends_where_the_workers_time_has_cost_it(worker_seconds: float, is_over: bool) -> None:
    reason = exhausted_limit(Budget(money=12.5, price_per_worker_hour=0.4), Usage(worker_seconds=worker_seconds))
    assert (reason is not None) is is_over
    assert reason in (None, "budget.money: 12.5 is used up (31.25 worker-hours at 0.4)")


def test_without_limits_nothing_is_ever_used_up() -> None:
    assert exhausted_limit(Budget(), Usage(1e12, 1e12, 10**9)) is None
    assert Usage(1.0, 1.0, 1).money(Budget()) is None
