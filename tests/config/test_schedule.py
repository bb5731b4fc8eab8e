"""How many epochs the trials of a sweep are expected to run."""

from __future__ import annotations

import itertools
import random

import pytest

from sweepkit.config.schedule import expected_epochs, rungs
from sweepkit.config.schema import Stopping


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


def test_without_a_pruner_every_trial_reaches_the_last_epoch() -> None:
    assert expected_epochs(Stopping(rule="none", max_epochs=9), 48) == [(9, 48.0)]


def test_median_prunes_half_of_the_trials_after_its_warmup() -> None:
    stopping = Stopping(rule="median", max_epochs=10, grace_epochs=2, warmup_trials=4)
    assert expected_epochs(stopping, 20) == [(3, 20.0), (10, 12.0)]
    assert expected_epochs(stopping, 3) == [(3, 3.0), (10, 3.0)]


def simulated_asha(n_trials: int, reduction: int, rng: random.Random) -> int:
    """Count how many of n trials pass one rung, each compared with the trials before it."""
    values: list[float] = []
    n_passed = 0
    for _ in range(n_trials):
        values.append(rng.random())
        rank = sorted(values, reverse=True).index(values[-1])
        n_passed += rank < max(1, len(values) // reduction)
    return n_passed


def test_the_expectation_for_asha_agrees_with_a_simulation() -> None:
    (_, first), (_, second), (last, third) = expected_epochs(Stopping(max_epochs=9), 48)
    rng = random.Random(0)
    passed = [simulated_asha(48, 3, rng) for _ in range(400)]
    assert (first, last) == (48.0, 9)
    assert second == pytest.approx(sum(passed) / len(passed), rel=0.03)
    assert 5 <= third <= 7


def test_a_single_trial_reaches_the_last_epoch() -> None:
    assert [n for _, n in expected_epochs(Stopping(max_epochs=9), 1)] == [1.0, 1.0, 1.0]


def test_hyperband_prunes_fewer_trials_than_asha() -> None:
    by_rule = {
        rule: [n for _, n in expected_epochs(Stopping(rule=rule, max_epochs=27), 100)] for rule in ("asha", "hyperband")
    }
    assert by_rule["hyperband"][0] == pytest.approx(100.0)
    for asha, hyperband in itertools.islice(zip(*by_rule.values(), strict=True), 1, None):
        assert asha < hyperband < 100
