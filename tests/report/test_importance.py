"""Importance on sweeps whose answer is known, and on those that have none."""

from __future__ import annotations

import functools
import random
from dataclasses import replace

import pytest

from sweepkit.report.importance import FEWEST, Importance, importance
from sweepkit.space import Choice, Float, Space
from sweepkit.trial.trial import Direction, Trial, TrialState
from tests.support.made_up_sweeps import findings, trials

pytestmark = pytest.mark.slow  # all of them together

SPACE = Space(
    {
        "cell": Choice(("gru", "none")),
        "width": Float(0.0, 1.0, when={"cell": ("gru",)}),
        "rate": Float(1e-4, 1e-1, log=True),
        "idle": Float(0.0, 1.0),
    }
)


def known(n: int) -> list[Trial]:
    """Trials of which the rate decides most; with a gru, the width decides as well; the last decides nothing."""
    chance, found = random.Random(3), []
    for number in range(n):
        params = {
            "cell": "gru" if number % 2 else "none",
            "rate": 10 ** chance.uniform(-4, -1),
            "idle": chance.random(),
        }
        score = -abs(chance.gauss(0, 0.02))
        if params["cell"] == "gru":
            params["width"] = chance.random()
            score += 2 * float(params["width"])
        score += 1.0 if float(params["rate"]) > 10**-2.5 else 0.0
        found.append(Trial(number, params, (), TrialState.PRUNED, "", score, 1))
    return found


@functools.cache
def computed(direction: Direction) -> dict[str, Importance]:
    """The importance of each parameter for many trials, the most important first; takes seconds."""
    return {
        one.name: one for one in importance(findings(known(90), params=SPACE.parameters, direction=direction)).found
    }


@pytest.mark.parametrize("direction", [Direction.MAX, Direction.MIN])
def test_what_decides_comes_first_and_what_does_not_last(direction: Direction) -> None:
    shares = {name: one.share for name, one in computed(direction).items()}
    assert list(shares)[-1] == "idle"
    assert shares["idle"] < 0.05
    assert shares["rate"] > 0.15


def test_a_conditional_parameter_is_judged_among_the_trials_that_use_it() -> None:
    found = computed(Direction.MAX)
    assert (found["width"].trials, found["width"].is_conditional) == (45, True)
    assert (found["rate"].trials, found["rate"].is_conditional) == (90, False)
    assert found["width"].share > 0.4
    assert all(one.low <= one.share <= one.high for one in found.values())


def test_it_is_the_same_every_time() -> None:
    one, other = (importance(findings(known(30), params=SPACE.parameters)) for _ in range(2))
    assert one == other


def test_too_few_trials_are_said() -> None:
    found = importance(findings(known(FEWEST - 1), params=SPACE.parameters))
    assert found.found == ()
    assert found.notes == ("19 trials with a result: importance needs at least 20.",)


def test_too_few_trials_of_a_conditional_parameter_are_said() -> None:
    found = importance(findings(known(FEWEST), params=SPACE.parameters))
    assert "width" not in {one.name for one in found.found}
    assert found.notes == ("width: used in 10 trials, too few to tell.",)


def test_a_constant_objective_has_nothing_to_explain() -> None:
    same = [replace(trial, best_value=0.5) for trial in known(30)]
    found = importance(findings(same, params=SPACE.parameters))
    assert found.notes == ("All trials have the same best value, so there is nothing to explain.",)


def test_a_constant_objective_of_those_that_use_a_parameter_is_said() -> None:
    same = [replace(trial, best_value=0.5) if "width" in trial.params else trial for trial in known(60)]
    found = importance(findings(same, params=SPACE.parameters))
    assert found.notes == ("width: all trials that use it have the same best value.",)
    assert {one.name for one in found.found} == {"cell", "rate", "idle"}


def test_nothing_varies() -> None:
    same = [replace(trial, params={"cell": "gru"}) for trial in trials(25)]
    assert importance(findings(same)).found == ()
