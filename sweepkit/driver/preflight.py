"""Before a sweep on GPUs: does every model that the space can ask for take cuDNN's fast path?

Missing it makes an LSTM or GRU several times slower without a word, or ends a step with an assertion (see `nn.cudnn`).
The models are built by a worker, on a CPU; nothing is trained. Try `check_cudnn(runner, job, space)`.
"""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

from sweepkit.errors import InputError, Issue
from sweepkit.runners.interface import Runner
from sweepkit.space import Choice, Param, Params, Space, Value
from sweepkit.storage.layout import DataPaths
from sweepkit.trial.request import TrialSettings

_DRAWS = 200


def check_cudnn(runner: Runner, job: TrialSettings, space: Space) -> None:
    """Refuse a sweep whose models cannot run as fast as the GPU allows; on CPUs there is nothing to check.

    Raises:
        InputError: each fault, with the point that has it.
    """
    if job.gpu == 0:
        return
    points = covering_points(space)
    tasks = [(job, point) for point in points]
    faults = runner.map(find_faults, tasks, describe="check models")
    problems = [
        Issue(f"model of {point}", fault) for point, found in zip(points, faults, strict=True) for fault in found
    ]
    if problems:
        raise InputError(problems)


def find_faults(task: tuple[TrialSettings, Params]) -> list[str]:
    """Build the model of one point and say why it cannot take cuDNN's path; runs in a worker."""
    # here, not above: the driver must never import TensorFlow
    from sweepkit.config.definition import import_package
    from sweepkit.data.dataset import PreparedData
    from sweepkit.nn import cudnn
    from sweepkit.storage.storage import Storage
    from sweepkit.training import devices

    job, point = task
    # in --inline, trials follow in this very process: it must begin as they will have it
    devices.configure(threads=job.threads, gpu=job.gpu, deterministic=job.deterministic)
    folder = Storage.at(job.storage_uri).local_folder(
        DataPaths(job.package, job.data_key).root, Path(tempfile.gettempdir()) / "sweepkit-data"
    )
    model = import_package(job.package).model_module().build(point, PreparedData.open(folder))
    return cudnn.problems(model)


def covering_points(space: Space) -> list[Params]:
    """Return a few points that together have every option of every choice, as far as 200 draws find them."""
    generator = random.Random(0)  # no secret
    seen: set[tuple[str, str]] = set()
    points: list[Params] = []
    for _ in range(_DRAWS):
        point = space.draw(lambda _, param: _draw(param, generator))
        fresh = {(name, repr(point[name])) for name in point if isinstance(space.params[name], Choice)} - seen
        if fresh or not points:
            points.append(point)
            seen |= fresh
    return points


def _draw(param: Param, generator: random.Random) -> Value:
    if isinstance(param, Choice):
        return generator.choice(param.options)
    return param.low
