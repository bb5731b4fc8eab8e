"""The share of the objective's variation that each parameter explains by itself (fANOVA, from Optuna).

The importance of a conditional parameter is computed from the trials that use it. Every figure is computed several
times from trials drawn with replacement, to show its spread. Where there are too few trials, a note gives the reason
instead. Try `importance(sweep).parameters[0]`.

Reference: F. Hutter, H. Hoos, K. Leyton-Brown, "An Efficient Approach for Assessing Hyperparameter Importance" (2014),
http://proceedings.mlr.press/v32/hutter14.html
"""

from __future__ import annotations

import random
import statistics
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sweepkit.formatting import count
from sweepkit.report.parameters import scale_of, varied_names
from sweepkit.report.scales import Scale
from sweepkit.results.sweep import Sweep
from sweepkit.trial.trial import Direction, Trial

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

FEWEST = 20  # with fewer trials, parameters without influence came first in experiments on known functions
_DRAWS = 10
_MOST_DRAWN = 200  # more hardly change the figures, and the time of the forest grows with them
_TREES, _DEPTH = 16, 6


@dataclass(frozen=True, slots=True)
class Importance:
    """The importance of one parameter.

    Attributes:
        name: name of the parameter.
        share: share of the objective's variation that it explains by itself; the median over the draws.
        low: the second smallest share over the draws.
        high: the second largest share over the draws.
        trials: number of trials that use it.
        is_conditional: whether other trials do not use it.
    """

    name: str
    share: float
    low: float
    high: float
    trials: int
    is_conditional: bool


@dataclass(frozen=True, slots=True)
class Importances:
    """The importance of parameters, the most important first, and notes on those without one."""

    parameters: tuple[Importance, ...]
    notes: tuple[str, ...]


def importance(sweep: Sweep) -> Importances:
    """Compute the importance of every varied parameter from the best values of all ranked trials."""
    trials = sweep.leaderboard.leaders
    if len(trials) < FEWEST:
        return Importances((), (f"{count(len(trials), 'trial')} with a result: importance needs at least {FEWEST}.",))
    if len({trial.best_value for trial in trials}) == 1:
        return Importances((), ("All trials have the same best value, so there is nothing to explain.",))
    importances: list[Importance] = []
    notes: list[str] = []
    for group, names in _groups(trials, varied_names(sweep)):
        if len(group) < FEWEST:
            notes.append(f"{', '.join(names)}: used in {count(len(group), 'trial')}, fewer than {FEWEST}.")
        elif len({trial.best_value for trial in group}) == 1:
            notes.append(f"{', '.join(names)}: all trials that use it have the same best value.")
        else:
            importances += _of_group(group, names, sweep, is_conditional=len(group) < len(trials))
    return Importances(tuple(sorted(importances, key=lambda one: -one.share)), tuple(notes))


def _groups(trials: Sequence[Trial], names: Sequence[str]) -> list[tuple[list[Trial], list[str]]]:
    """Group parameters by the trials that use them; return each group of trials with its parameters."""
    groups: dict[tuple[int, ...], list[str]] = {}
    for name in names:
        groups.setdefault(tuple(i for i, trial in enumerate(trials) if name in trial.params), []).append(name)
    return [([trials[i] for i in places], names) for places, names in groups.items()]


def _of_group(group: Sequence[Trial], names: Sequence[str], sweep: Sweep, *, is_conditional: bool) -> list[Importance]:
    """Compute the importance of `names` among the trials that use them, beside all other parameters that vary there."""
    varied = [
        name
        for name in varied_names(sweep)
        if all(name in trial.params for trial in group) and len({repr(trial.params[name]) for trial in group}) > 1
    ]
    scales = {name: scale_of(sweep, name) for name in varied}
    rng = random.Random(0)
    draws: list[dict[str, float]] = []
    for seed in range(_DRAWS):
        drawn = rng.choices(group, k=min(len(group), _MOST_DRAWN))
        if len({trial.best_value for trial in drawn}) > 1:
            draws.append(_explained(drawn, scales, sweep.leaderboard.direction, seed))
    result = []
    for name in names:
        shares = sorted(draw.get(name, 0.0) for draw in draws) or [0.0]
        low, high = (shares[1], shares[-2]) if len(shares) > 3 else (shares[0], shares[-1])
        result.append(Importance(name, statistics.median(shares), low, high, len(group), is_conditional))
    return result


def _explained(
    trials: Sequence[Trial], scales: Mapping[str, Scale], direction: Direction, seed: int
) -> dict[str, float]:
    """Fit a forest to these trials and return the share of the variation that each parameter explains."""
    import optuna  # not at the top: with scikit-learn it takes a second
    from optuna.importance import FanovaImportanceEvaluator, get_param_importances
    from optuna.trial import create_trial

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize" if direction is Direction.MAX else "minimize")
    distributions = {name: _distribution(scale) for name, scale in scales.items()}
    frozen = []
    for trial in trials:
        # places on the scale, not values: numbers are then spread as the sampler spread them, and the options True
        # and 1 differ
        places = {name: scale.place(trial.params[name]) for name, scale in scales.items()}
        frozen.append(create_trial(params=places, distributions=distributions, value=trial.best_value))
    study.add_trials(frozen)
    evaluator = FanovaImportanceEvaluator(n_trees=_TREES, max_depth=_DEPTH, seed=seed)
    with warnings.catch_warnings():
        # normalized to a sum of 1, the shares would hide how little all parameters explain together; Optuna marks
        # normalize=False as experimental
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        shares = get_param_importances(study, evaluator=evaluator, params=list(scales), normalize=False)
    return {name: float(share) for name, share in shares.items()}


def _distribution(scale: Scale) -> BaseDistribution:
    from optuna.distributions import CategoricalDistribution, FloatDistribution  # not at the top: see `_explained`

    if scale.options is not None:
        return CategoricalDistribution([float(place) for place in range(len(scale.options))])
    return FloatDistribution(scale.low, scale.high)
