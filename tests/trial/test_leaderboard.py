"""The ranking of trials and its table."""

from __future__ import annotations

from sweepkit.trial.leaderboard import Leaderboard, differing, ranked, reasons
from sweepkit.trial.trial import Direction, Report, Trial, TrialState


def trial(number: int, best: float | None, state: TrialState | None = TrialState.COMPLETE, **more: object) -> Trial:
    return Trial(
        number=number,
        params={"cell": "gru", "units": 32 + number},
        reports=(Report(1, {"score": best or 0.0}, 0.0),),
        state=state,
        best_value=best,
        best_epoch=1 if best is not None else None,
        seconds=12.34,
        **more,  # type: ignore[arg-type]  # the fields above are all but reason and run_id
    )


def test_trials_rank_by_their_best_epoch_and_the_earlier_of_equal_trials_leads() -> None:
    trials = [trial(0, 0.5), trial(1, 0.9), trial(2, 0.9, TrialState.PRUNED)]
    assert [one.number for one in ranked(trials, Direction.MAX)] == [1, 2, 0]
    assert [one.number for one in ranked(trials, Direction.MIN)] == [0, 1, 2]


def test_failed_trials_and_trials_without_a_value_are_not_ranked() -> None:
    trials = [trial(0, 0.9, TrialState.FAILED), trial(1, None, None), trial(2, 0.1)]
    assert [one.number for one in ranked(trials, Direction.MAX)] == [2]


def test_a_trial_with_an_objective_of_zero_is_ranked() -> None:
    assert [one.number for one in ranked([trial(0, 0.0), trial(1, -1.0)], Direction.MAX)] == [0, 1]


def test_only_parameters_that_differ_are_columns() -> None:
    trials = [trial(0, 0.5), trial(1, 0.6)]
    assert differing(trials) == ["units"]
    assert Leaderboard(trials, metric="score", direction=Direction.MAX).rows()[0] == {
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
    bare = Trial(2, {"cell": "gru"}, state=TrialState.COMPLETE)
    assert differing([trial(0, 0.5), bare]) == ["units"]


def test_reasons_are_counted_by_kind() -> None:
    trials = [
        trial(0, 0.5, TrialState.PRUNED, reason="rung at epoch 1: score 0.5 is not …"),
        trial(1, 0.4, TrialState.PRUNED, reason="rung at epoch 1: score 0.4 is not …"),
        trial(2, 0.6, TrialState.COMPLETE, reason="nothing better than 0.6 (epoch 1) in 3 epochs"),
        trial(3, None, TrialState.FAILED, reason="ValueError: no (log: x)"),
        trial(4, None, None),
    ]
    assert reasons(trials) == [
        ("stopped at epoch 1 by the rule", 2),
        ("no improvement (patience)", 1),
        ("failed: ValueError: no (log: x)", 1),
    ]
