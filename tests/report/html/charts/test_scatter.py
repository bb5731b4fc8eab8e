"""Positions of trials in the scatter plots."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest

from sweepkit.report.html.charts.scatter import _short, against_cost, against_parameter
from sweepkit.report.parameters import values_of
from sweepkit.report.pareto import COSTS
from sweepkit.trial.trial import Trial
from tests.support.made_up_sweeps import made_up_sweep, trials


def best(trial: Trial) -> float:
    assert trial.best_value is not None
    return trial.best_value


def test_only_trials_that_use_a_parameter_are_drawn_and_counted() -> None:
    sweep = made_up_sweep(trials(48))
    users = [trial.number for trial in sweep.leaderboard.leaders if "units" in trial.params]
    drawing = against_parameter(sweep, "units")
    assert sorted(trial for marks in drawing["marks"] for trial in marks["trials"]) == sorted(users)
    assert drawing["x"]["label"] == f"units ({len(users)} of {len(sweep.leaderboard.leaders)} trials use it)"
    assert against_parameter(sweep, "cell")["x"]["label"] == "cell"


def test_options_have_their_medians() -> None:
    sweep = made_up_sweep(trials(48))
    gru = sorted(best(trial) for trial in sweep.leaderboard.leaders if trial.params["cell"] == "gru")
    middle = (gru[len(gru) // 2] + gru[(len(gru) - 1) // 2]) / 2
    medians = {round((start + end) / 2): median for start, end, median in against_parameter(sweep, "cell")["medians"]}
    assert medians[values_of(sweep, "cell").index("gru")] == pytest.approx(middle)
    assert "medians" not in against_parameter(sweep, "rate")


def test_logarithmic_parameters_have_logarithms_as_places() -> None:
    sweep = made_up_sweep(trials(10))
    drawing = against_parameter(sweep, "rate")
    places = {
        trial: place for marks in drawing["marks"] for trial, place in zip(marks["trials"], marks["x"], strict=True)
    }
    assert places[3] == pytest.approx(math.log10(float(sweep.trials[3].params["rate"])))


def test_far_outliers_lie_on_the_edge() -> None:
    made = trials(30)
    sweep = made_up_sweep([replace(made[0], best_value=-1e9), *made[1:]])
    drawing = against_parameter(sweep, "dropout")
    assert drawing["y"]["low"] > 0
    heights = [height for marks in drawing["marks"] for height in marks["y"]]
    assert min(heights) == drawing["y"]["low"]


def test_the_same_objective_everywhere_has_an_axis() -> None:
    for same in (0.5, 0.0):
        sweep = made_up_sweep([replace(trial, best_value=same) for trial in trials(5)])
        axis = against_parameter(sweep, "dropout")["y"]
        assert axis["low"] < same < axis["high"]
        assert axis["ticks"]


def test_the_front_climbs() -> None:
    drawing = against_cost(made_up_sweep(trials(48)).leaderboard, COSTS[0])
    assert drawing is not None
    front = drawing["front"]
    assert front == sorted(front)
    assert front[-1][1] == max(height for marks in drawing["marks"] for height in marks["y"])
    assert json.dumps(drawing)


def test_costs_that_no_report_has_are_not_drawn() -> None:
    bare = [replace(trial, reports=()) for trial in trials(3)]
    assert against_cost(made_up_sweep(bare).leaderboard, COSTS[2]) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0", "0"), ("300", "300"), ("9000", "9000"), ("20000", "20k"), ("1500000", "1.5M"), ("2e+12", "2000G")],
)
def test_large_numbers_are_short(text: str, expected: str) -> None:
    assert _short(text) == expected
