"""Costs of trials, the Pareto front, and the best objective of each value of a parameter at equal cost."""

from __future__ import annotations

import math
from dataclasses import replace

from sweepkit.report import pareto
from sweepkit.report.equal_cost import common_cost, cost_by_value
from sweepkit.report.pareto import pareto_front
from sweepkit.trial.trial import Direction, Report, Trial, TrialState
from tests.support.made_up_sweeps import made_up_sweep


def trial(
    number: int, cell: str | None, values: list[float], *, at: float = 0.0, state: TrialState = TrialState.COMPLETE
) -> Trial:
    reports = tuple(
        Report(epoch, {"valid_accuracy": value, "train_seconds": 10.0}, at + epoch)
        for epoch, value in enumerate(values, 1)
    )
    finite = [value for value in values if math.isfinite(value)]
    best = max(finite, default=None)
    epoch = values.index(best) + 1 if best is not None else None
    return Trial(number, {"cell": cell} if cell else {}, reports, state, "", best, epoch)


def test_time_and_epochs_count_up_to_the_best_epoch() -> None:
    one = trial(0, "gru", [0.5, 0.9, 0.7])
    assert pareto.training_seconds(one) == 20.0
    assert pareto.epochs(one) == 2


def test_costs_that_are_not_reported_are_none() -> None:
    one = trial(0, "gru", [0.5])
    bare = replace(one, reports=(Report(1, {"valid_accuracy": 0.5}, 1.0),))
    assert pareto.weights(one) is None
    assert pareto.training_seconds(bare) is None
    assert pareto.COSTS[2].measured([one]) == []


def test_no_trial_on_the_front_is_beaten_at_the_same_cost_or_less() -> None:
    points = [(10.0, 0.8), (20.0, 0.7), (10.0, 0.75), (30.0, 0.9), (40.0, 0.9)]
    assert pareto_front(points, Direction.MAX) == [0, 3]
    assert pareto_front([(1.0, 0.5), (2.0, 0.4), (3.0, 0.6)], Direction.MIN) == [0, 1]
    assert pareto_front([], Direction.MAX) == []


def test_the_best_so_far_grows_with_the_epochs_in_the_order_of_time() -> None:
    sweep = made_up_sweep(
        [trial(0, "gru", [0.5, 0.8], at=100), trial(1, "gru", [0.6, 0.7], at=0), trial(2, "lstm", [0.4])]
    )
    lstm, gru = sorted(cost_by_value(sweep, "cell"), key=lambda cost: cost.epochs)
    assert gru.steps == ((1, 0.6), (2, 0.7), (4, 0.8))
    assert (gru.trials, gru.epochs, gru.best) == (2, 4, 0.8)
    assert common_cost([lstm, gru]) == 1
    assert gru.at(1) == 0.6
    assert gru.at(0) is None


def test_failed_trials_have_a_cost_and_no_objective() -> None:
    sweep = made_up_sweep(
        [trial(0, "gru", [0.9, math.nan], state=TrialState.FAILED), trial(1, "gru", [math.nan, 0.5], at=9)]
    )
    (gru,) = cost_by_value(sweep, "cell")
    assert (gru.epochs, gru.steps) == (4, ((4, 0.5),))


def test_trials_that_do_not_use_a_parameter_are_a_group_of_their_own() -> None:
    costs = cost_by_value(made_up_sweep([trial(0, "gru", [0.5]), trial(1, None, [0.6])]), "cell")
    assert [(cost.value, cost.best) for cost in costs] == [("gru", 0.5), (None, 0.6)]


def test_less_can_be_better() -> None:
    sweep = made_up_sweep([trial(0, "gru", [0.5, 0.3, 0.4])], direction=Direction.MIN)
    assert cost_by_value(sweep, "cell")[0].steps == ((1, 0.5), (2, 0.3))
