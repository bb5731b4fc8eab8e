"""How much of the objective's variation each parameter explains by itself (fANOVA, from Optuna).

A conditional parameter is looked at among the trials that use it. Everything is computed several times from trials
drawn with replacement, so that a figure comes with how far it can be trusted. Too few trials give a sentence, not a
figure. Try `importance(findings).found[0]`.

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
from sweepkit.report.data import ReportData
from sweepkit.report.scales import Scale
from sweepkit.trial.trial import Direction, Trial

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

FEWEST = 20  # fewer trials gave the first place to parameters without any influence in trials on known functions
_DRAWS = 10
_MOST_DRAWN = 200  # more change the figures little, and the forest's time grows with them
_TREES, _DEPTH = 16, 6


@dataclass(frozen=True, slots=True)
class Importance:
    """One parameter.

    Attributes:
        name: of the parameter.
        share: of the objective's variation that it explains by itself; the median over the draws.
        low: the second smallest over the draws.
        high: the second largest.
        trials: that it was computed from.
        is_conditional: whether there are trials that do not use it.
    """

    name: str
    share: float
    low: float
    high: float
    trials: int
    is_conditional: bool


@dataclass(frozen=True, slots=True)
class Importances:
    """All parameters that something can be said of, the most important first, and of which nothing can, and why."""

    found: tuple[Importance, ...]
    notes: tuple[str, ...]


def importance(findings: ReportData) -> Importances:
    """Compute the importance of every varied parameter from all ranked trials and their best values."""
    trials = findings.leaders
    if len(trials) < FEWEST:
        return Importances((), (f"{count(len(trials), 'trial')} with a result: importance needs at least {FEWEST}.",))
    if len({trial.best_value for trial in trials}) == 1:
        return Importances((), ("All trials have the same best value, so there is nothing to explain.",))
    found: list[Importance] = []
    notes: list[str] = []
    for group, names in _groups(trials, findings.varied):
        if len(group) < FEWEST:
            notes.append(f"{', '.join(names)}: used in {count(len(group), 'trial')}, too few to tell.")
        elif len({trial.best_value for trial in group}) == 1:
            notes.append(f"{', '.join(names)}: all trials that use it have the same best value.")
        else:
            found += _of_group(group, names, findings, is_conditional=len(group) < len(trials))
    return Importances(tuple(sorted(found, key=lambda one: -one.share)), tuple(notes))


def _groups(trials: Sequence[Trial], names: Sequence[str]) -> list[tuple[list[Trial], list[str]]]:
    """Return the parameters that the same trials use, with these trials."""
    groups: dict[tuple[int, ...], list[str]] = {}
    for name in names:
        groups.setdefault(tuple(i for i, trial in enumerate(trials) if name in trial.params), []).append(name)
    return [([trials[i] for i in places], names) for places, names in groups.items()]


def _of_group(
    group: Sequence[Trial], names: Sequence[str], findings: ReportData, *, is_conditional: bool
) -> list[Importance]:
    """Compute the importance of `names` among the trials that use them, beside all else that varies there."""
    everywhere = [
        name
        for name in findings.varied
        if all(name in trial.params for trial in group) and len({repr(trial.params[name]) for trial in group}) > 1
    ]
    scales = {name: Scale.of(findings.params[name], findings.values(name)) for name in everywhere}
    chance = random.Random(0)
    draws = []
    for seed in range(_DRAWS):
        drawn = chance.choices(group, k=min(len(group), _MOST_DRAWN))
        if len({trial.best_value for trial in drawn}) > 1:
            draws.append(_evaluated(drawn, scales, findings.direction, seed))
    result = []
    for name in names:
        shares = sorted(draw.get(name, 0.0) for draw in draws) or [0.0]
        low, high = (shares[1], shares[-2]) if len(shares) > 3 else (shares[0], shares[-1])
        result.append(Importance(name, statistics.median(shares), low, high, len(group), is_conditional))
    return result


def _evaluated(
    trials: Sequence[Trial], scales: Mapping[str, Scale], direction: Direction, seed: int
) -> dict[str, float]:
    """Fit a forest to these trials and return what each parameter explains of its variation."""
    import optuna  # not at the top: with scikit-learn it takes a second
    from optuna.importance import FanovaImportanceEvaluator, get_param_importances
    from optuna.trial import create_trial

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize" if direction is Direction.MAX else "minimize")
    distributions = {name: _distribution(scale) for name, scale in scales.items()}
    frozen = []
    for trial in trials:
        # places, not values: so that an even spread means the same to the forest as it did to the sampler, and the
        # options True and 1 are two
        places = {name: scale.place(trial.params[name]) for name, scale in scales.items()}
        frozen.append(create_trial(params=places, distributions=distributions, value=trial.best_value))
    study.add_trials(frozen)
    evaluator = FanovaImportanceEvaluator(n_trees=_TREES, max_depth=_DEPTH, seed=seed)
    with warnings.catch_warnings():
        # scaled up to 1, the shares would hide how little all parameters explain; not to do so is marked experimental
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        found = get_param_importances(study, evaluator=evaluator, params=list(scales), normalize=False)
    return {name: float(share) for name, share in found.items()}


def _distribution(scale: Scale) -> BaseDistribution:
    from optuna.distributions import CategoricalDistribution, FloatDistribution  # as above

    if scale.options is not None:
        return CategoricalDistribution([float(place) for place in range(len(scale.options))])
    return FloatDistribution(scale.low, scale.high)
