"""The baseline beside the networks: a value where it has the objective, none where it has not, wherever it is shown."""

from __future__ import annotations

import io
import json
import math
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from sweepkit.cli import final as final_command
from sweepkit.final.evaluate import FinalEvaluation, baseline_result
from sweepkit.final.test_split import read_evaluations, write_evaluations
from sweepkit.report.html.charts.trials import candidates
from sweepkit.report.html.sections.final_stage import final_stage
from sweepkit.results.final_result import CandidateResult, FinalResult, HeldOutEvaluation
from sweepkit.results.statistics import proportion_interval
from sweepkit.storage.storage import Storage
from sweepkit.storage.sweep_folder import SweepFolder
from sweepkit.tasks.requests import Evaluation
from sweepkit.tasks.text.predictions import Predictions
from sweepkit.trial.checkpoint_ref import DataRef
from sweepkit.trial.trial import Trial
from tests.support.made_up_results import final_result
from tests.support.made_up_sweeps import made_up_sweep, trials

# three of four rows are right
PREDICTIONS = Predictions(
    np.array([0, 1, 1, 0], np.int32), np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.7, 0.3]], np.float32)
)
LOSS = -(math.log(0.9) + math.log(0.8) + math.log(0.4) + math.log(0.7)) / 4


def baseline(metric: str) -> CandidateResult:
    return baseline_result("bigrams", PREDICTIONS, metric=metric, file="linear.parquet")


def of_auc() -> FinalResult:
    """A final stage whose objective the last baseline does not have."""
    made = final_result()
    return replace(made, metric="valid_auc", candidates=(*made.candidates[:-1], baseline("valid_auc")))


def test_of_accuracy_it_has_its_own_with_an_interval_over_rows() -> None:
    made = baseline("valid_accuracy")
    assert (made.values, made.mean) == ((0.75,), 0.75)
    assert made.interval == proportion_interval(3, 4)
    assert made.is_baseline
    assert made.predictions == "linear.parquet"


def test_of_loss_it_has_its_log_loss_without_an_interval() -> None:
    made = baseline("valid_loss")
    assert made.mean == pytest.approx(LOSS, abs=1e-6)
    assert made.values == (made.mean,)
    assert made.interval is None


@pytest.mark.parametrize("metric", ["valid_auc", "train_accuracy", "train_loss", "accuracy", "n_weights"])
def test_of_any_other_objective_it_has_none(metric: str) -> None:
    made = baseline(metric)
    assert (made.values, made.mean, made.interval) == ((), None, None)
    assert made.predictions == "linear.parquet"  # it is compared row by row all the same


def test_a_result_without_its_value_is_stored_as_null_and_read_again() -> None:
    stored = json.loads(json.dumps(of_auc().to_json()))
    assert stored["candidates"][-1]["mean"] is None
    assert stored["candidates"][-1]["values"] == []
    assert FinalResult.from_json(stored) == of_auc()
    assert of_auc().winner_mean == of_auc().winner.mean


def test_the_command_says_that_it_has_none(tmp_path: Path) -> None:
    config = SimpleNamespace(sweep="cells", storage=SimpleNamespace(uri=str(tmp_path)))
    plan: Any = SimpleNamespace(
        sweep=SimpleNamespace(config=config), folder=SimpleNamespace(shown=str, paths=SimpleNamespace(winner="winner"))
    )
    console = Console(file=io.StringIO(), width=200)
    final_command.show(console, plan, of_auc())
    row = next(line for line in console.file.getvalue().splitlines() if "bigrams" in line)  # type: ignore[attr-defined]
    assert "no valid_auc" in row
    assert "0.75" not in row


def test_a_report_says_that_it_has_none_and_leaves_it_out_of_the_figure() -> None:
    made = of_auc()
    ranking = final_stage(made_up_sweep(trials(3), final=made))[2]
    assert [row[4] for row in ranking.rows][-1] == "has no validation auc"
    assert [row[2] for row in ranking.rows][-1] == ""
    drawn = candidates(made)["data"]
    assert "bigrams" not in drawn[1]["y"]
    assert None not in drawn[1]["x"]


class Measuring:
    """A session of a final stage whose worker measures 3 of 4 rows right, and that counts how often it does."""

    def __init__(self, folder: SweepFolder) -> None:
        self.folder, self.n_measured = folder.final, 0
        self.runner = self.callback = self
        self.trial_settings = SimpleNamespace(data_ref=DataRef("toy", {}, "key1", "runs"))
        self.definition = SimpleNamespace(config=SimpleNamespace(search=SimpleNamespace(seed=0)))

    def map(self, _function: object, requests: list[object], *, describe: str) -> list[Evaluation]:
        assert describe == "measuring the winner on the test split"
        self.n_measured += len(requests)
        return [Evaluation(4, 3, 0.5) for _ in requests]

    def on_progress(self, phase: str, done: int, total: int) -> None:
        """Show nothing."""


@pytest.mark.parametrize("again", [False, True])
def test_an_evaluation_that_was_begun_is_finished_where_it_stands_and_not_counted_again(
    tmp_path: Path, again: bool
) -> None:
    folder = SweepFolder(Storage.at(str(tmp_path)), "cells")
    begun = HeldOutEvaluation(1, "2026-01-02", "trial 3", 0, 4)
    other = HeldOutEvaluation(2, "2026-01-03", "trial 5", 1, 4, 0.25, None, 0.9)
    write_evaluations(folder, [begun, other])
    session: Any = Measuring(folder)
    sweep: Any = SimpleNamespace(config=SimpleNamespace(package="toy"))
    winner = replace(final_result().winner, name="trial 3")
    run = Trial(0, {"units": 3}, best_value=0.5, best_epoch=1)
    made = FinalEvaluation(sweep, session)._evaluations(winner, run, 4, again=again)
    assert made == (replace(begun, accuracy=0.75, interval=proportion_interval(3, 4), loss=0.5), other)
    assert tuple(read_evaluations(folder)) == made
    assert session.n_measured == 1
