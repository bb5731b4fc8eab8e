"""What a sweep is expected to cost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sweepkit.config.definition import load
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
