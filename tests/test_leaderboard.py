"""Ranking and its table, over records as the journal gives them."""

from __future__ import annotations

from sweepkit.trial.leaderboard import differing, ranked, reasons, table
from sweepkit.trial.trial import Direction, Report, Trial, TrialState


def record(number: int, best: float | None, outcome: TrialState | None = TrialState.COMPLETE, **more: object) -> Trial:
    return Trial(
        number=number,
        point={"cell": "gru", "units": 32 + number},
        reports=(Report(1, {"score": best or 0.0}, 0.0),),
        outcome=outcome,
        best_value=best,
        best_epoch=1 if best is not None else None,
        seconds=12.34,
        **more,  # type: ignore[arg-type]  # the fields above are all but reason and run_id
    )


def test_the_best_epoch_ranks_and_the_earlier_of_equals_leads() -> None:
    records = [record(0, 0.5), record(1, 0.9), record(2, 0.9, TrialState.PRUNED)]
    assert [r.number for r in ranked(records, Direction.MAX)] == [1, 2, 0]
    assert [r.number for r in ranked(records, Direction.MIN)] == [0, 1, 2]


def test_failed_trials_and_those_without_a_value_do_not_rank() -> None:
    records = [record(0, 0.9, TrialState.FAILED), record(1, None, None), record(2, 0.1)]
    assert [r.number for r in ranked(records, Direction.MAX)] == [2]


def test_an_objective_of_zero_ranks() -> None:
    assert [r.number for r in ranked([record(0, 0.0), record(1, -1.0)], Direction.MAX)] == [0, 1]


def test_only_parameters_that_differ_are_columns() -> None:
    records = [record(0, 0.5), record(1, 0.6)]
    assert differing(records) == ["units"]
    assert table(records, metric="score", mode=Direction.MAX)[0] == {
        "rank": 1,
        "trial": 1,
        "best_score": 0.6,
        "best_epoch": 1,
        "epochs": 1,
        "outcome": "complete",
        "reason": None,
        "seconds": 12.3,
        "units": 33,
    }


def test_a_parameter_that_only_some_trials_have_differs() -> None:
    bare = Trial(2, {"cell": "gru"}, outcome=TrialState.COMPLETE)
    assert differing([record(0, 0.5), bare]) == ["units"]


def test_reasons_are_counted_by_kind() -> None:
    records = [
        record(0, 0.5, TrialState.PRUNED, reason="rung at epoch 1: score 0.5 is not …"),
        record(1, 0.4, TrialState.PRUNED, reason="rung at epoch 1: score 0.4 is not …"),
        record(2, 0.6, TrialState.COMPLETE, reason="nothing better than 0.6 (epoch 1) in 3 epochs"),
        record(3, None, TrialState.FAILED, reason="ValueError: no (log: x)"),
        record(4, None, None),
    ]
    assert reasons(records) == [
        ("stopped at epoch 1 by the rule", 2),
        ("no improvement (patience)", 1),
        ("failed: ValueError: no (log: x)", 1),
    ]
