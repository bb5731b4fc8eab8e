"""Check before a sweep on GPUs that every model of the space can use cuDNN.

Without cuDNN an LSTM or GRU is several times slower, silently, or a step ends with an assertion (see `nn.cudnn`). The
models are built on a worker's CPU; nothing is trained. Try `check_cudnn(runner, trial_settings, space)`.
"""

from __future__ import annotations

import random

from sweepkit.errors import InputError, Issue
from sweepkit.runners.interface import Runner
from sweepkit.space import Choice, Param, Params, Space, Value
from sweepkit.tasks.lookup import task_of
from sweepkit.trial.request import TrialSettings

_DRAWS = 200  # an option that one draw has with a probability of 3 % is missing from all of them in 0.2 % of cases


def check_cudnn(runner: Runner, trial_settings: TrialSettings, space: Space) -> None:
    """Refuse a sweep with models that cannot use cuDNN; on CPUs there is nothing to check.

    Raises:
        InputError: every issue, with the params of its model.
    """
    if trial_settings.gpu == 0:
        return
    param_sets = covering_params(space)
    requests = [(trial_settings, params) for params in param_sets]
    answers = runner.map(cudnn_issues, requests, describe="check models")
    issues = [
        Issue(f"model of {params}", sentence)
        for params, sentences in zip(param_sets, answers, strict=True)
        for sentence in sentences
    ]
    if issues:
        raise InputError(issues)


def cudnn_issues(request: tuple[TrialSettings, Params]) -> list[str]:
    """Build the model of some params and return why it cannot use cuDNN; runs in a worker."""
    # here, not above: the driver must never import TensorFlow
    from sweepkit.nn import cudnn
    from sweepkit.training import devices
    from sweepkit.training.opened import open_data

    trial_settings, params = request
    # with --inline, trials follow in this process, and TensorFlow can be configured only once
    devices.configure(
        threads=trial_settings.threads, gpu=trial_settings.gpu, deterministic=trial_settings.deterministic
    )
    data = open_data(trial_settings.data_ref, task_of(trial_settings.package).data_type)
    return cudnn.issues(data.build(params))


def covering_params(space: Space) -> list[Params]:
    """Return a few sets of params that together have every option of every choice, as far as 200 draws have them."""
    # drawn, not enumerated: conditions between choices make the options depend on each other
    generator = random.Random(0)  # fixed, so that a repeated command checks the same models
    seen: set[tuple[str, str]] = set()
    param_sets: list[Params] = []
    for _ in range(_DRAWS):
        params = space.draw(lambda _, param: _draw(param, generator))
        options = {(name, repr(params[name])) for name in params if isinstance(space.parameters[name], Choice)}
        if options - seen or not param_sets:
            param_sets.append(params)
            seen |= options
    return param_sets


def _draw(param: Param, generator: random.Random) -> Value:
    if isinstance(param, Choice):
        return generator.choice(param.options)
    return param.low  # cuDNN's conditions concern options, not sizes, and the smallest model is built fastest
