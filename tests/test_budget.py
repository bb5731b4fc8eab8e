"""What a sweep is expected to cost."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from sweepkit.config.definition import load
from sweepkit.config.schedule import expected_epochs, rungs
from sweepkit.config.schema import Stopping
from sweepkit.driver.estimate import estimate, measure_gflops

SweepFile = Callable[..., Path]

YAML = """\
sweep: cells
package: {package}
objective: {metric: valid_accuracy, mode: max}
data: {valid_fraction: 0.25}
space: {cell: lstm, units: [8, 24], dropout: 0.0, rate: 0.01, wide: true}
search: {sampler: grid, trials: 10}
stopping: {rule: none, max_epochs: 4}
resources: {cpu: 1, workers: 2}
"""


@pytest.mark.parametrize(
    ("rule", "last", "grace", "reduction", "expected"),
    [
        ("asha", 9, 1, 3, [1, 3]),
        ("asha", 10, 1, 3, [1, 3, 9]),
        ("asha", 10, 2, 2, [2, 4, 8]),
        ("asha", 5, 5, 3, []),
        ("hyperband", 9, 1, 3, [1, 3]),
        ("median", 9, 1, 3, []),
        ("none", 9, 1, 3, []),
    ],
)
def test_rungs_lie_below_the_last_epoch(rule: str, last: int, grace: int, reduction: int, expected: list[int]) -> None:
    stopping = Stopping(rule=rule, max_epochs=last, grace_epochs=grace, reduction=reduction)
    assert rungs(stopping) == expected


def test_without_a_rule_every_trial_reaches_the_end() -> None:
    assert expected_epochs(Stopping(rule="none", max_epochs=9), 48) == [(9, 48.0)]


def test_the_median_rule_stops_half_of_what_comes_after_its_warmup() -> None:
    stopping = Stopping(rule="median", max_epochs=10, grace_epochs=2, warmup_trials=4)
    assert expected_epochs(stopping, 20) == [(3, 20.0), (10, 12.0)]
    assert expected_epochs(stopping, 3) == [(3, 3.0), (10, 3.0)]


def simulated_asha(n_trials: int, reduction: int, rng: random.Random) -> int:
    """Count how many of n trials pass one rung, each compared with those that came before it."""
    values: list[float] = []
    n_passed = 0
    for _ in range(n_trials):
        values.append(rng.random())
        rank = sorted(values, reverse=True).index(values[-1])
        n_passed += rank < max(1, len(values) // reduction)
    return n_passed


def test_asha_expects_what_a_simulation_gives() -> None:
    (_, first), (_, second), (last, third) = expected_epochs(Stopping(max_epochs=9), 48)
    rng = random.Random(0)
    passed = [simulated_asha(48, 3, rng) for _ in range(400)]
    assert (first, last) == (48.0, 9)
    assert second == pytest.approx(sum(passed) / len(passed), rel=0.03)
    assert 5 <= third <= 7


def test_a_single_trial_reaches_the_end() -> None:
    assert [n for _, n in expected_epochs(Stopping(max_epochs=9), 1)] == [1.0, 1.0, 1.0]


def test_hyperband_stops_less_than_asha_and_more_than_nothing() -> None:
    by_rule = {
        rule: [n for _, n in expected_epochs(Stopping(rule=rule, max_epochs=27), 100)] for rule in ("asha", "hyperband")
    }
    assert by_rule["hyperband"][0] == pytest.approx(100.0)
    for asha, hyperband in itertools.islice(zip(*by_rule.values(), strict=True), 1, None):
        assert asha < hyperband < 100


def test_a_grid_smaller_than_the_trials_ends_the_sweep(sweep_file: SweepFile) -> None:
    plan = estimate(load(sweep_file(YAML)), n_rows=None, mean_tokens=None, workers=1, gflops_per_s=None)
    assert (plan.n_trials, plan.grid_size, plan.epochs, plan.full_epochs) == (2, 2, 8, 8)


def test_cost_is_the_mean_over_the_space_with_validation_at_a_third(sweep_file: SweepFile) -> None:
    plan = estimate(load(sweep_file(YAML)), n_rows=1000, mean_tokens=7, workers=2, gflops_per_s=1e-3)
    # 750 rows of training and 250 of validation; units 8 and 24 make 16 on average
    expected = 16 * (750 + 250 / 3) * 7 / 1e9
    assert plan.gflop_per_epoch == pytest.approx(expected)
    assert plan.time_s == pytest.approx(8 * expected / 1e-3 / 2)


def test_more_workers_than_trials_help_no_further(sweep_file: SweepFile) -> None:
    definition = load(sweep_file(YAML))
    times = [
        estimate(definition, n_rows=1000, mean_tokens=7, workers=workers, gflops_per_s=1.0).time_s
        for workers in (1, 2, 3)
    ]
    assert times[0] == pytest.approx(2 * times[1])
    assert times[1] == times[2]


def test_without_the_number_of_rows_there_are_epochs_but_no_time(sweep_file: SweepFile) -> None:
    plan = estimate(load(sweep_file(YAML)), n_rows=None, mean_tokens=None, workers=2, gflops_per_s=1.0)
    assert plan.epochs == 8
    assert plan.gflop_per_epoch is None
    assert plan.time_s is None


def test_the_estimate_is_the_same_every_time(sweep_file: SweepFile) -> None:
    sets = ["search.sampler=tpe", "space={cell: [lstm, none]}"]
    path = sweep_file(YAML)
    plans = [estimate(load(path, sets), n_rows=1000, mean_tokens=None, workers=2, gflops_per_s=1.0) for _ in range(2)]
    assert plans[0] == plans[1]
    # half of the points have no units; the others have 36 on average, and rows 10 tokens
    assert plans[0].gflop_per_epoch == pytest.approx(18 * (750 + 250 / 3) * 10 / 1e9, rel=0.1)


def test_measures_a_plausible_speed() -> None:
    assert 0.01 < measure_gflops() < 1000
