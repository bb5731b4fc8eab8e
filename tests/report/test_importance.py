"""Importance in sweeps where it is known, and in sweeps where it cannot be computed."""

from __future__ import annotations

import functools
import random
from dataclasses import replace

import pytest

from sweepkit.report.importance import FEWEST, Importance, importance
from sweepkit.space import Choice, Float, Space
from sweepkit.trial.trial import Direction, Trial, TrialState
from tests.support.made_up_sweeps import made_up_sweep, trials

pytestmark = pytest.mark.slow  # all of them together

SPACE = Space(
    {
        "cell": Choice(("gru", "none")),
        "width": Float(0.0, 1.0, when={"cell": ("gru",)}),
        "rate": Float(1e-4, 1e-1, log=True),
        "idle": Float(0.0, 1.0),
    }
)


def simulated(n: int) -> list[Trial]:
    """Simulate trials where the rate matters most, the width matters with a gru, and `idle` never matters."""
    rng, simulated = random.Random(3), []
    for number in range(n):
        params = {
            "cell": "gru" if number % 2 else "none",
            "rate": 10 ** rng.uniform(-4, -1),
            "idle": rng.random(),
        }
        score = -abs(rng.gauss(0, 0.02))
        if params["cell"] == "gru":
            params["width"] = rng.random()
            score += 2 * float(params["width"])
        score += 1.0 if float(params["rate"]) > 10**-2.5 else 0.0
        simulated.append(Trial(number, params, (), TrialState.PRUNED, "", score, 1))
    return simulated


@functools.cache
def computed(direction: Direction) -> dict[str, Importance]:
    """The importance of each parameter for many trials, the most important first; takes seconds."""
    return {
        one.name: one for one in importance(made_up_sweep(simulated(90), space=SPACE, direction=direction)).parameters
    }


@pytest.mark.parametrize("direction", [Direction.MAX, Direction.MIN])
def test_parameters_without_influence_come_last(direction: Direction) -> None:
    shares = {name: one.share for name, one in computed(direction).items()}
    assert list(shares)[-1] == "idle"
    assert shares["idle"] < 0.05
    assert shares["rate"] > 0.15


def test_a_conditional_parameter_is_compared_among_the_trials_that_use_it() -> None:
    parameters = computed(Direction.MAX)
    assert (parameters["width"].trials, parameters["width"].is_conditional) == (45, True)
    assert (parameters["rate"].trials, parameters["rate"].is_conditional) == (90, False)
    assert parameters["width"].share > 0.4
    assert all(one.low <= one.share <= one.high for one in parameters.values())


def test_it_is_the_same_every_time() -> None:
    one, other = (importance(made_up_sweep(simulated(30), space=SPACE)) for _ in range(2))
    assert one == other


def test_too_few_trials_are_noted() -> None:
    result = importance(made_up_sweep(simulated(FEWEST - 1), space=SPACE))
    assert result.parameters == ()
    assert result.notes == ("19 trials with a result: importance needs at least 20.",)


def test_too_few_trials_of_a_conditional_parameter_are_noted() -> None:
    result = importance(made_up_sweep(simulated(FEWEST), space=SPACE))
    assert "width" not in {one.name for one in result.parameters}
    assert result.notes == ("width: used in 10 trials, fewer than 20.",)


def test_a_constant_objective_has_nothing_to_explain() -> None:
    same = [replace(trial, best_value=0.5) for trial in simulated(30)]
    result = importance(made_up_sweep(same, space=SPACE))
    assert result.notes == ("All trials have the same best value, so there is nothing to explain.",)


def test_a_constant_objective_of_the_trials_that_use_a_parameter_is_noted() -> None:
    same = [replace(trial, best_value=0.5) if "width" in trial.params else trial for trial in simulated(60)]
    result = importance(made_up_sweep(same, space=SPACE))
    assert result.notes == ("width: all trials that use it have the same best value.",)
    assert {one.name for one in result.parameters} == {"cell", "rate", "idle"}


def test_nothing_varies() -> None:
    same = [replace(trial, params={"cell": "gru"}) for trial in trials(25)]
    assert importance(made_up_sweep(same)).parameters == ()
