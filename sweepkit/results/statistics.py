"""Confidence intervals of measured figures, and tests of whether two models differ on the same rows.

Pure functions; nothing is selected or shown here. All intervals have a confidence of 95 %. Try
`compare(first.is_right, second.is_right, other="trial 3").verdict`.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sweepkit.results.final_result import CLEAR, NOISE, Comparison, Interval

# SciPy is imported where it is used: importing takes half a second, and most commands need none of these functions
_CONFIDENCE = 0.95
_TAILS = ((1 - _CONFIDENCE) / 2, (1 + _CONFIDENCE) / 2)


def mean_interval(values: Sequence[float]) -> Interval | None:
    """Return the interval of the mean of the distribution of these values; None for fewer than two values.

    mean ± t(0.975, n - 1) s / √n, where s is the sample standard deviation with n - 1 in its denominator, and t the
    quantile of Student's distribution. The values are taken to be independent and normally distributed.

    Reference: Student, "The probable error of a mean", Biometrika 6 (1908).
    """
    from scipy.stats import t

    if len(values) < 2:
        return None
    mean = statistics.fmean(values)
    # t, not the normal 1.96: with three seeds the factor is 4.30
    half = float(t.ppf(_TAILS[1], len(values) - 1)) * statistics.stdev(values) / math.sqrt(len(values))
    return Interval(mean - half, mean + half)


def proportion_interval(successes: int, n: int) -> Interval:
    """Return the interval of a proportion, from `successes` in `n` rows.

    Wilson's score interval: the proportions p for which |k / n - p| is at most 1.96 √(p (1 - p) / n). Unlike the
    interval k / n ± 1.96 √(k (n - k) / n³), it stays within [0, 1], and has a width at 0 and n successes too.

    Reference: E. B. Wilson, "Probable inference, the law of succession, and statistical inference", Journal of the
    American Statistical Association 22 (1927).

    Raises:
        ValueError: there are no rows, or more successes than rows.
    """
    from scipy.stats import binomtest

    if not 0 <= successes <= n or n == 0:
        raise ValueError(f"successes must be within 0 and n, and n at least 1, got {successes} of {n}")
    ends = binomtest(successes, n).proportion_ci(_CONFIDENCE, method="wilson")
    return Interval(float(ends.low), float(ends.high))


def mcnemar(only_first: int, only_second: int) -> float:
    """Return the p-value of two models being equally accurate, from the counts of rows that only one has right.

    Exact and two-sided: if the models are equally accurate, each of these rows is the first one's with probability 1/2.
    Rows that both or neither have right say nothing about the difference.

    Reference: Q. McNemar, "Note on the sampling error of the difference between correlated proportions or
    percentages", Psychometrika 12 (1947); here with the binomial distribution instead of its chi-squared approximation,
    which is poor for few such rows.
    """
    from scipy.stats import binomtest

    n = only_first + only_second
    return float(binomtest(only_first, n, 0.5).pvalue) if n else 1.0


def bootstrap_difference(
    first_right: NDArray[np.bool_], second_right: NDArray[np.bool_], *, seed: int = 0, n_resamples: int = 10_000
) -> Interval:
    """Return the interval of the accuracy of the first minus that of the second, from resampled rows.

    A row counts 1 if only the first is right, -1 if only the second is, and 0 otherwise. Drawing rows with replacement
    draws the counts of these three kinds from a multinomial distribution, so the rows themselves need not be drawn.

    Reference: B. Efron, "Bootstrap methods: another look at the jackknife", Annals of Statistics 7 (1979); the
    percentile interval.

    Args:
        first_right: <bool>[rows].
        second_right: <bool>[rows], the same rows.
        seed: of the resampling; fixed by default, so that the same predictions give the same interval.
        n_resamples: with 10,000 the share of resamples below an end has a standard error of 0.16 %, of 2.5 %.
    """
    only_first, only_second = _discordant(first_right, second_right)
    n = len(first_right)
    shares = np.array([only_first, only_second, n - only_first - only_second]) / n
    drawn = np.random.default_rng(seed).multinomial(n, shares, size=n_resamples)
    low, high = np.quantile((drawn[:, 0] - drawn[:, 1]) / n, _TAILS).tolist()
    return Interval(low, high)


def compare(winner_right: NDArray[np.bool_], other_right: NDArray[np.bool_], *, other: str) -> Comparison:
    """Compare two models on the same rows: whether they differ, not which one is better.

    Args:
        winner_right: <bool>[rows].
        other_right: <bool>[rows], the same rows.
        other: the name of the second model.
    """
    only_winner, only_other = _discordant(winner_right, other_right)
    p_value = mcnemar(only_winner, only_other)
    interval = bootstrap_difference(winner_right, other_right)
    # Both have to agree. They may not where the p-value is close to 5 %, since one is exact and the other resampled.
    is_clear = p_value < 1 - _CONFIDENCE and not interval.low <= 0 <= interval.high
    return Comparison(
        other=other,
        rows=len(winner_right),
        only_winner=only_winner,
        only_other=only_other,
        p_value=p_value,
        difference=(only_winner - only_other) / len(winner_right),
        interval=interval,
        verdict=CLEAR if is_clear else NOISE,
    )


def _discordant(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> tuple[int, int]:
    """Return how many rows only the first has right, and how many only the second."""
    if first.shape != second.shape or not len(first):
        raise ValueError(f"both must have predicted the same rows, at least one, got {first.shape} and {second.shape}")
    return int((first & ~second).sum()), int((second & ~first).sum())
