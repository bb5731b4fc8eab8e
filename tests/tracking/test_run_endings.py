"""How runs of trials and sweeps end. No MLflow needed."""

from __future__ import annotations

from typing import Any

import pytest

from sweepkit.storage.storage import Storage
from sweepkit.storage.sweep_folder import SweepFolder
from sweepkit.tracking.run_endings import markdown, of_sweep, of_trial
from sweepkit.trial.failure import Failure
from sweepkit.trial.leaderboard import Leaderboard
from sweepkit.trial.trial import Direction, Trial, TrialState

_ENDED: Any = {"state": TrialState.COMPLETE, "reason": "ran all 2 epochs"}
TRIALS = [
    Trial(0, {"cell": "gru"}, best_value=0.5, best_epoch=1, ended=30.0, **_ENDED),
    Trial(1, {"cell": "lstm"}, best_value=0.75, best_epoch=2, ended=20.0, **_ENDED),
]

FOLDER = SweepFolder(Storage.at("runs"), "cells").trial(3)


def board(trials: list[Trial]) -> Leaderboard:
    return Leaderboard(trials, metric="valid_accuracy", direction=Direction.MAX)


def test_says_who_won_and_why_trials_ended() -> None:
    assert markdown(
        {"trial": 7, "valid_accuracy": 0.9123456789, "cell": "a|b"}, [("ran all 5 epochs", 4), ("loss\nis nan", 1)]
    ) == (
        "| best trial |  |\n| --- | --- |\n| trial | 7 |\n| valid_accuracy | 0.912346 |\n| cell | a\\|b |\n\n"
        "| how trials ended | trials |\n| --- | --- |\n| ran all 5 epochs | 4 |\n| loss is nan | 1 |"
    )


def test_a_sweep_without_a_winner_still_says_why() -> None:
    assert markdown({}, [("failed", 2)]).startswith("| how trials ended |")
    assert markdown({}, []) == "No trial has ended."


@pytest.mark.parametrize(
    ("state", "status"),
    [(TrialState.COMPLETE, "FINISHED"), (TrialState.PRUNED, "KILLED"), (TrialState.FAILED, "FAILED")],
)
def test_a_trial_ends_with_its_state_reason_and_best(state: TrialState, status: str) -> None:
    trial = Trial(3, {}, state=state, reason="that is why", best_value=0.9, best_epoch=4, ended=1.7e9)
    ending = of_trial(trial, "valid_accuracy", FOLDER)
    assert (ending.status, ending.at) == (status, 1.7e9)
    assert ending.metrics == {"best_valid_accuracy": 0.9, "best_epoch": 4.0}
    assert ending.tags["sweepkit.outcome"] == state.value
    assert ending.tags["sweepkit.stop_reason"] == "that is why"


def test_a_failed_trial_has_the_end_of_its_error_and_the_path_of_its_log() -> None:
    failures = (Failure(0, "lost", True, 1.0), Failure(2, "x" * 9000 + "ValueError: too wide\n", True, 2.0))
    trial = Trial(3, {}, state=TrialState.FAILED, reason="failed twice", failures=failures)
    tags = of_trial(trial, "loss", FOLDER).tags
    assert (tags["sweepkit.faults"], tags["sweepkit.log"]) == (
        "2",
        f"{FOLDER.storage.shown}/sweeps/cells/trials/0003/log.txt",
    )
    assert tags["sweepkit.error"].endswith("ValueError: too wide\n")
    assert len(tags["mlflow.note.content"]) < 8000
    assert tags["mlflow.note.content"].startswith("Failed: failed twice\n\n```\nxxx")


def test_a_trial_that_recovered_has_the_number_of_failures_only() -> None:
    trial = Trial(3, {}, state=TrialState.COMPLETE, failures=(Failure(0, "lost", True, 1.0),))
    tags = of_trial(trial, "loss", FOLDER).tags
    assert tags["sweepkit.faults"] == "1"
    assert "sweepkit.log" not in tags
    assert "sweepkit.error" not in tags


@pytest.mark.parametrize(
    ("status", "expected"), [("finished", "FINISHED"), ("interrupted", "KILLED"), ("failed", "FAILED")]
)
def test_a_sweep_ends_with_its_winner_when_its_last_trial_ended(status: Any, expected: str) -> None:
    ending = of_sweep(status, board(TRIALS))
    assert (ending.status, ending.at) == (expected, 30.0)
    assert ending.metrics == {"best_valid_accuracy": 0.75}
    winner = {"sweepkit.best_trial": "1", "sweepkit.best_epoch": "2", "sweepkit.best_cell": "lstm"}
    assert winner.items() <= ending.tags.items()
    assert "| ran all 2 epochs | 2 |" in ending.tags["mlflow.note.content"]


def test_further_figures_replace_those_of_the_winner() -> None:
    ending = of_sweep("finished", board(TRIALS), also={"valid_accuracy": 0.7, "test_accuracy": 0.6})
    assert ending.metrics == {"best_valid_accuracy": 0.7}
    assert ending.tags["sweepkit.best_test_accuracy"] == "0.6"


def test_a_sweep_without_a_winner_has_no_value_and_no_time() -> None:
    ending = of_sweep("failed", board([Trial(0, {}, state=TrialState.FAILED, reason="r")]))
    assert (ending.metrics, ending.at) == ({}, None)
    assert set(ending.tags) == {"mlflow.note.content"}


def test_the_leaderboard_has_a_column_for_each_figure() -> None:
    columns = board(TRIALS).columns()
    assert columns["trial"] == [1, 0]
    assert columns["best_valid_accuracy"] == [0.75, 0.5]
    assert columns["cell"] == ["lstm", "gru"]
    assert board([]).columns() == {}
