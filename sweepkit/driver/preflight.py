"""Before a sweep on GPUs: does every model that the space can ask for take cuDNN's fast path?

Missing it makes an LSTM or GRU several times slower without a word, or ends a step with an assertion (see `nn.cudnn`).
The models are built by a worker, on a CPU; nothing is trained. Try `check_cudnn(runner, job, space)`.
"""

from __future__ import annotations

import random

from sweepkit.errors import InputError, Issue
from sweepkit.runners.interface import Runner
from sweepkit.space import Choice, Param, Params, Space, Value
from sweepkit.tasks.interface import task_of
from sweepkit.trial.request import TrialSettings

_DRAWS = 200


def check_cudnn(runner: Runner, trial_settings: TrialSettings, space: Space) -> None:
    """Refuse a sweep whose models cannot run as fast as the GPU allows; on CPUs there is nothing to check.

    Raises:
        InputError: each fault, with the point that has it.
    """
    if trial_settings.gpu == 0:
        return
    param_sets = covering_points(space)
    tasks = [(trial_settings, params) for params in param_sets]
    failures = runner.map(find_faults, tasks, describe="check models")
    issues = [
        Issue(f"model of {params}", fault)
        for params, found in zip(param_sets, failures, strict=True)
        for fault in found
    ]
    if issues:
        raise InputError(issues)


def find_faults(request: tuple[TrialSettings, Params]) -> list[str]:
    """Build the model of one point and say why it cannot take cuDNN's path; runs in a worker."""
    # here, not above: the driver must never import TensorFlow
    from sweepkit.nn import cudnn
    from sweepkit.training import devices
    from sweepkit.training.opened import open_data

    trial_settings, params = request
    # in --inline, trials follow in this very process: it must begin as they will have it
    devices.configure(
        threads=trial_settings.threads, gpu=trial_settings.gpu, deterministic=trial_settings.deterministic
    )
    data = open_data(trial_settings.data_ref, task_of(trial_settings.package).data_type)
    return cudnn.issues(data.build(params))


def covering_points(space: Space) -> list[Params]:
    """Return a few points that together have every option of every choice, as far as 200 draws find them."""
    generator = random.Random(0)  # no secret
    seen: set[tuple[str, str]] = set()
    param_sets: list[Params] = []
    for _ in range(_DRAWS):
        params = space.draw(lambda _, param: _draw(param, generator))
        fresh = {(name, repr(params[name])) for name in params if isinstance(space.parameters[name], Choice)} - seen
        if fresh or not param_sets:
            param_sets.append(params)
            seen |= fresh
    return param_sets


def _draw(param: Param, generator: random.Random) -> Value:
    if isinstance(param, Choice):
        return generator.choice(param.options)
    return param.low
