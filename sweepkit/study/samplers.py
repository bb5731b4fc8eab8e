"""Optuna's samplers under the names of the sweep file, and the drawing of a trial's params.

Try `sampler(config, number=0)`.
"""

from __future__ import annotations

import warnings

import optuna
from optuna.samplers import BaseSampler, GPSampler, QMCSampler, RandomSampler, TPESampler
from optuna.trial import FrozenTrial

from sweepkit.config.schema import SweepConfig
from sweepkit.space import Choice, Float, Param, Space, Value
from sweepkit.study.cmaes import JsonCmaEsSampler


def sampler(config: SweepConfig, number: int) -> BaseSampler:
    """Build the sampler for trial `number`; with QMC all trials share one seed, which scrambles their sequence."""
    name, seed = config.search.sampler, config.search.seed
    # a prime factor keeps the seeds of sweeps with neighbouring seeds apart; NumPy takes 32 bits
    per_trial = (seed * 1_000_003 + number) % 2**32
    with warnings.catch_warnings():
        # Optuna warns that groups and QMC are experimental, which a user of a sweep file cannot act upon
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        if name == "tpe":
            # without groups Optuna models only the params that all trials have, and draws conditional ones at random
            return TPESampler(multivariate=True, group=True, seed=per_trial)
        if name == "gp":
            return GPSampler(seed=per_trial, warn_independent_sampling=False)
        if name == "cmaes":
            # most trials are pruned: from COMPLETE ones alone, the strategy would hardly ever be updated
            return JsonCmaEsSampler(seed=per_trial, consider_pruned_trials=True, warn_independent_sampling=False)
        if name == "qmc":
            return QMCSampler(
                seed=seed,
                scramble=True,
                # for params that only some trials have, which are not in the sequence
                independent_sampler=RandomSampler(seed=per_trial),
                warn_asynchronous_seeding=False,
                warn_independent_sampling=False,
            )
    return RandomSampler(seed=per_trial)


def draw(space: Space, trial: optuna.Trial) -> None:
    """Draw a trial's params from its study's sampler."""
    space.draw(lambda name, param: _suggest(trial, name, param))


def complete(space: Space, trial: optuna.Trial, begun: FrozenTrial) -> None:
    """Draw the params that `begun` lacks, so that the trial gets those that an uninterrupted draw would have given.

    The sampler of the trial's study must be as it was before the first draw.
    """
    # params that were drawn jointly, or queued, took nothing from the random state of independent sampling
    fixed = begun.system_attrs.get("fixed_params", {})
    drawn_before = begun.params.keys() - trial.relative_params.keys() - fixed.keys()

    def choose(name: str, param: Param) -> Value:
        if name in drawn_before:  # the value stays; drawing again only advances the random state as it did then
            trial.study.sampler.sample_independent(trial.study, begun, name, begun.distributions[name])
        return _suggest(trial, name, param)

    space.draw(choose)


def _suggest(trial: optuna.Trial, name: str, param: Param) -> Value:
    """Draw one parameter over the range that the space declares."""
    if isinstance(param, Choice):
        chosen = trial.suggest_categorical(name, param.options)
        assert chosen is not None, "a Choice has no option None"
        return chosen
    if isinstance(param, Float):
        return trial.suggest_float(name, param.low, param.high, log=param.log)
    return trial.suggest_int(name, param.low, param.high, log=param.log, step=param.step)
