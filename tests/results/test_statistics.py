"""Intervals and tests against published numbers, against sums done by hand, and on data with a known answer."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from sweepkit.results.final_result import CLEAR, NOISE, Interval
from sweepkit.results.statistics import bootstrap_difference, compare, mcnemar, mean_interval, proportion_interval


def rights(both: int, only_first: int, only_second: int, neither: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Make two models' rows from how often each, both or neither is right."""
    counts = [both, only_first, only_second, neither]
    first = np.repeat([True, True, False, False], counts)
    second = np.repeat([True, False, True, False], counts)
    return first, second


def near(interval: Interval | None, low: float, high: float, *, within: float) -> bool:
    assert interval is not None
    return abs(interval.low - low) <= within and abs(interval.high - high) <= within


class TestMeanInterval:
    def test_it_is_students(self) -> None:
        # mean 3, deviation sqrt(2.5), and t = 2.776 at 4 degrees of freedom in any printed table
        half = 2.7764 * math.sqrt(2.5 / 5)
        assert near(mean_interval([1.0, 2.0, 3.0, 4.0, 5.0]), 3 - half, 3 + half, within=1e-4)

    def test_two_values_make_a_wide_one(self) -> None:
        assert near(mean_interval([0.8, 0.9]), 0.85 - 12.7062 * 0.05, 0.85 + 12.7062 * 0.05, within=1e-4)

    def test_one_value_or_none_says_nothing_of_the_spread(self) -> None:
        assert mean_interval([0.9]) is None
        assert mean_interval([]) is None

    def test_equal_values_have_no_width(self) -> None:
        assert mean_interval([0.5, 0.5, 0.5]) == Interval(0.5, 0.5)

    def test_it_holds_the_mean_as_often_as_it_says(self) -> None:
        draws = np.random.default_rng(0).normal(0.87, 0.01, (2_000, 3))
        found = [mean_interval(values) for values in draws.tolist()]
        held = np.mean([interval is not None and interval.low <= 0.87 <= interval.high for interval in found])
        assert 0.935 < held < 0.965


class TestProportionInterval:
    @pytest.mark.parametrize(
        ("successes", "n", "low", "high"),
        [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
    )
    def test_the_numbers_of_newcombes_table(self, successes: int, n: int, low: float, high: float) -> None:
        # R. G. Newcombe, "Two-sided confidence intervals for the single proportion", Statistics in Medicine 17
        # (1998), table I, method 3
        assert near(proportion_interval(successes, n), low, high, within=5e-5)

    def test_none_or_all_stay_inside_0_and_1_and_have_a_width(self) -> None:
        none, everything = proportion_interval(0, 10), proportion_interval(10, 10)
        assert (none.low, everything.high) == (0.0, 1.0)
        assert none.high == pytest.approx(1 - everything.low)
        assert 0.2 < none.high < 0.3

    def test_it_holds_the_proportion_as_often_as_it_says(self) -> None:
        n, truth = 400, 0.9
        seen = np.random.default_rng(1).binomial(n, truth, 2_000)
        intervals = {k: proportion_interval(k, n) for k in set(seen.tolist())}
        held = np.mean([intervals[k].low <= truth <= intervals[k].high for k in seen.tolist()])
        assert 0.935 < held < 0.965

    @pytest.mark.parametrize(("successes", "n"), [(0, 0), (3, 2), (-1, 2)])
    def test_impossible_counts_are_refused(self, successes: int, n: int) -> None:
        with pytest.raises(ValueError, match="successes must be within 0 and n"):
            proportion_interval(successes, n)


class TestMcNemar:
    @pytest.mark.parametrize(
        ("only_first", "only_second", "p_value"),
        [(1, 6, 2 * 8 / 2**7), (0, 6, 2 / 2**6), (5, 5, 1.0), (4, 5, 1.0), (0, 1, 1.0)],
    )
    def test_small_counts_by_hand(self, only_first: int, only_second: int, p_value: float) -> None:
        assert mcnemar(only_first, only_second) == pytest.approx(p_value)
        assert mcnemar(only_second, only_first) == pytest.approx(p_value)

    def test_a_larger_count_is_the_sum_of_both_tails(self) -> None:
        tail = sum(math.comb(236, k) for k in range(87)) / 2**236
        assert mcnemar(150, 86) == pytest.approx(2 * tail)

    def test_without_a_row_where_they_differ_nothing_speaks_against_equality(self) -> None:
        assert mcnemar(0, 0) == 1.0

    def test_equal_models_seem_to_differ_at_most_as_often_as_it_says(self) -> None:
        n = 60
        seen = np.random.default_rng(2).binomial(n, 0.5, 2_000).tolist()
        p_values = {k: mcnemar(k, n - k) for k in set(seen)}
        assert np.mean([p_values[k] < 0.05 for k in seen]) <= 0.055


class TestBootstrapDifference:
    def test_it_is_near_the_normal_interval_where_that_one_holds(self) -> None:
        first, second = rights(4_000, 300, 200, 500)
        deviation = math.sqrt(500 - 100**2 / 5_000) / 5_000
        found = bootstrap_difference(first, second)
        assert near(found, 0.02 - 1.96 * deviation, 0.02 + 1.96 * deviation, within=4e-4)

    def test_it_is_what_drawing_rows_gives(self) -> None:
        first, second = rights(60, 14, 6, 20)
        difference = first.astype(int) - second.astype(int)
        random = np.random.default_rng(3)
        drawn = [random.choice(difference, len(difference)).mean() for _ in range(4_000)]
        low, high = np.quantile(drawn, [0.025, 0.975])
        assert near(bootstrap_difference(first, second), low, high, within=0.0101)  # means are whole hundredths

    def test_the_order_of_rows_does_not_matter_and_the_seed_decides(self) -> None:
        first, second = rights(50, 9, 4, 11)
        order = np.random.default_rng(0).permutation(len(first))
        assert bootstrap_difference(first, second) == bootstrap_difference(first[order], second[order])
        few = [bootstrap_difference(first, second, seed=seed, n_resamples=50) for seed in range(8)]
        assert len(set(few)) > 1

    def test_exchanging_them_turns_it_round(self) -> None:
        first, second = rights(800, 60, 30, 110)
        one, other = bootstrap_difference(first, second), bootstrap_difference(second, first)
        assert near(one, -other.high, -other.low, within=2e-3)

    def test_identical_predictions_have_no_width(self) -> None:
        first, _ = rights(5, 3, 0, 2)
        assert bootstrap_difference(first, first) == Interval(0.0, 0.0)

    def test_one_that_is_always_right_and_one_that_never_is(self) -> None:
        first, second = rights(0, 7, 0, 0)
        assert bootstrap_difference(first, second) == Interval(1.0, 1.0)

    def test_it_holds_the_difference_as_often_as_it_says(self) -> None:
        random = np.random.default_rng(4)
        held = 0
        for seed in range(300):
            kinds = random.choice(4, 500, p=[0.8, 0.08, 0.04, 0.08])
            first, second = np.isin(kinds, [0, 1]), np.isin(kinds, [0, 2])
            found = bootstrap_difference(first, second, seed=seed, n_resamples=1_000)
            held += found.low <= 0.04 <= found.high
        assert 0.92 < held / 300 < 0.98


class TestCompare:
    def test_a_difference_that_is_larger_than_noise(self) -> None:
        found = compare(*rights(4_000, 300, 200, 500), other="trial 3")
        assert (found.other, found.rows, found.only_winner, found.only_other) == ("trial 3", 5_000, 300, 200)
        assert found.difference == pytest.approx(0.02)
        assert found.p_value < 1e-4
        assert found.interval.low > 0
        assert found.verdict == CLEAR

    def test_a_difference_that_may_be_noise(self) -> None:
        found = compare(*rights(4_000, 260, 240, 500), other="trial 3")
        assert found.p_value > 0.05
        assert found.interval.low < 0 < found.interval.high
        assert found.verdict == NOISE

    def test_a_winner_that_is_clearly_worse_differs_too(self) -> None:
        found = compare(*rights(4_000, 200, 300, 500), other="linear")
        assert found.difference == pytest.approx(-0.02)
        assert found.verdict == CLEAR

    def test_where_only_one_of_the_two_speaks_it_may_be_noise(self) -> None:
        # every resample keeps some of the five rows' lead, but five of five is no rare event: p = 1/16
        found = compare(*rights(5, 5, 0, 0), other="trial 3")
        assert found.interval.low > 0
        assert found.p_value == pytest.approx(0.0625)
        assert found.verdict == NOISE

    def test_identical_models_do_not_differ(self) -> None:
        first, _ = rights(5, 3, 0, 2)
        found = compare(first, first, other="itself")
        assert (found.difference, found.p_value, found.verdict) == (0.0, 1.0, NOISE)

    @pytest.mark.parametrize(("n_first", "n_second"), [(3, 4), (0, 0)])
    def test_other_rows_are_refused(self, n_first: int, n_second: int) -> None:
        with pytest.raises(ValueError, match="must have predicted the same rows"):
            compare(np.ones(n_first, bool), np.ones(n_second, bool), other="trial 3")
