"""How many trials a sweep has, and which epochs they are expected to reach. Pure functions of the settings."""

from __future__ import annotations

import itertools
from math import log

from sweepkit.config.schema import Stopping, SweepConfig
from sweepkit.space import Space


def n_trials(config: SweepConfig, space: Space) -> int:
    """Return how many trials a sweep is to have: the YAML's number, or the whole grid where that is smaller."""
    size = space.size() if config.search.sampler == "grid" else None
    return config.search.trials if size is None else min(size, config.search.trials)


def rungs(stopping: Stopping) -> list[int]:
    """Return the epochs at which the rule compares trials: grace, grace * reduction, … below max_epochs."""
    if stopping.rule not in ("asha", "hyperband"):
        return []
    steps = (stopping.grace_epochs * stopping.reduction**power for power in itertools.count())
    return list(itertools.takewhile(lambda epoch: epoch < stopping.max_epochs, steps))


def expected_epochs(stopping: Stopping, n_trials: int) -> list[tuple[int, float]]:
    """Return (epoch, how many of the trials are expected to reach it), ending with max_epochs.

    `asha` and `hyperband` pass the best 1 / reduction of those that have arrived at a rung, at least the very
    best; `median` stops half of what comes after its warm-up, as soon as it may; `none` stops nothing.
    """
    if stopping.rule == "median":
        first = min(stopping.grace_epochs + 1, stopping.max_epochs)
        watched = max(n_trials - stopping.warmup_trials, 0)
        if first == stopping.max_epochs:
            return [(first, float(n_trials))]
        return [(first, float(n_trials)), (stopping.max_epochs, n_trials - watched / 2)]
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
    n_brackets = int(log(ratio, stopping.reduction) + 1e-9) + 1
    weights = [n_brackets * stopping.reduction ** (n_brackets - 1 - b) / (n_brackets - b) for b in range(n_brackets)]
    return [weight / sum(weights) for weight in weights]


def _passing(n_arriving: float, reduction: int) -> float:
    """Expect how many of n trials, arriving in random order, are among the best 1 / reduction so far."""
    whole = round(n_arriving)
    return min(sum(max(1, place // reduction) / place for place in range(1, whole + 1)), n_arriving)
