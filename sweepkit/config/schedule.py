"""The number of trials of a sweep, and the epochs that they are expected to reach. Pure functions of the config."""

from __future__ import annotations

import itertools
from math import log

from sweepkit.config.schema import Stopping, SweepConfig
from sweepkit.space import Space


def n_trials(config: SweepConfig, space: Space) -> int:
    """Return the planned number of trials: `search.trials`, or the size of the grid if that is smaller."""
    size = space.size() if config.search.sampler == "grid" else None
    return config.search.trials if size is None else min(size, config.search.trials)


def rungs(stopping: Stopping) -> list[int]:
    """Return the epochs at which the pruner compares trials: grace, grace * reduction, … below max_epochs."""
    if stopping.rule not in ("asha", "hyperband"):
        return []
    steps = (stopping.grace_epochs * stopping.reduction**power for power in itertools.count())
    return list(itertools.takewhile(lambda epoch: epoch < stopping.max_epochs, steps))


def expected_epochs(stopping: Stopping, n_trials: int) -> list[tuple[int, float]]:
    """Return pairs of an epoch and the number of trials expected to reach it, ending with max_epochs.

    `asha` and `hyperband` promote the best 1 / reduction of the trials that have reached a rung, at least the best one;
    `median` is taken to prune half of the trials after its warm-up, at the first epoch where it may; `none` prunes no
    trial.
    """
    if stopping.rule == "median":
        first = min(stopping.grace_epochs + 1, stopping.max_epochs)
        prunable = max(n_trials - stopping.warmup_trials, 0)
        if first == stopping.max_epochs:
            return [(first, float(n_trials))]
        return [(first, float(n_trials)), (stopping.max_epochs, n_trials - prunable / 2)]
    steps = [*rungs(stopping), stopping.max_epochs]
    total = [0.0] * len(steps)
    for first_rung, share in enumerate(_brackets(stopping, len(steps) - 1)):
        reaching = share * n_trials
        for place in range(len(steps)):
            total[place] += reaching
            if place >= first_rung:
                reaching = _passing(reaching, stopping.reduction)
    return list(zip(steps, total, strict=True))


def _brackets(stopping: Stopping, n_rungs: int) -> list[float]:
    """Return the fraction of trials in each bracket, as Optuna allocates them; bracket b starts at rung b."""
    if stopping.rule != "hyperband" or n_rungs == 0:
        return [1.0]
    ratio = stopping.max_epochs / stopping.grace_epochs
    n_brackets = int(log(ratio, stopping.reduction) + 1e-9) + 1  # log(243, 3) is 4.999999999999999
    weights = [n_brackets * stopping.reduction ** (n_brackets - 1 - b) / (n_brackets - b) for b in range(n_brackets)]
    return [weight / sum(weights) for weight in weights]


def _passing(n_arriving: float, reduction: int) -> float:
    """Return how many of n trials, arriving in random order, are expected among the best 1 / reduction so far."""
    # trial k of n passes if it is among the best max(1, k // reduction) of the first k: a probability of that over k
    whole = round(n_arriving)
    return min(sum(max(1, place // reduction) / place for place in range(1, whole + 1)), n_arriving)
