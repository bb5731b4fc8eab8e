"""Optuna's samplers and rules, as a sweep file names them.

Try `sampler(spec, 0)`.
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
    """Build the sampler for trial `number`; QMC alone keeps one seed, which is its scrambling of one sequence."""
    name, seed = config.search.sampler, config.search.seed
    per_trial = (seed * 1_000_003 + number) % 2**32
    with warnings.catch_warnings():
        # groups and QMC are marked experimental; their warning is no news to a user who chose them
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        if name == "tpe":
            return TPESampler(multivariate=True, group=True, seed=per_trial)
        if name == "gp":
            return GPSampler(seed=per_trial, warn_independent_sampling=False)
        if name == "cmaes":
            # most trials end early: told COMPLETE ones only, the strategy would hardly ever move
            return JsonCmaEsSampler(seed=per_trial, consider_pruned_trials=True, warn_independent_sampling=False)
        if name == "qmc":
            return QMCSampler(
                seed=seed,
                scramble=True,
                independent_sampler=RandomSampler(seed=per_trial),
                warn_asynchronous_seeding=False,
                warn_independent_sampling=False,
            )
    return RandomSampler(seed=per_trial)


def draw(space: Space, trial: optuna.Trial) -> None:
    """Let a trial's study choose its point."""
    space.draw(lambda name, param: _suggest(trial, name, param))


def complete(space: Space, trial: optuna.Trial, begun: FrozenTrial) -> None:
    """Draw what is missing of a trial's point, as `begun` has it; it becomes what it would have been.

    The sampler of the trial's study must be as it was at first.
    """
    fixed = begun.system_attrs.get("fixed_params", {})
    drawn_before = begun.params.keys() - trial.relative_params.keys() - fixed.keys()

    def choose(name: str, param: Param) -> Value:
        if name in drawn_before:  # the value stays; the sampler's random state moves on as it did then
            trial.study.sampler.sample_independent(trial.study, begun, name, begun.distributions[name])
        return _suggest(trial, name, param)

    space.draw(choose)


def _suggest(trial: optuna.Trial, name: str, param: Param) -> Value:
    """Ask the study for one parameter, over the range that the space declares."""
    if isinstance(param, Choice):
        chosen = trial.suggest_categorical(name, param.options)
        assert chosen is not None, "None is no option of a Choice"
        return chosen
    if isinstance(param, Float):
        return trial.suggest_float(name, param.low, param.high, log=param.log)
    return trial.suggest_int(name, param.low, param.high, log=param.log, step=param.step)
