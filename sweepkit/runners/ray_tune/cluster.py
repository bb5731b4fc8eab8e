"""A Ray cluster as a place to run on: the one at an address, or this machine, with the project's code shipped to its
workers.

Try `with connect(None, modules=[...], wanted=Resources()) as runner: list(runner.map(len, ["a", "bc"],
describe="count"))`.
"""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
import re
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import ray
from ray._private import ray_constants, ray_logging
from ray._private import worker as ray_worker

from sweepkit.config.schema import Resources
from sweepkit.errors import InputError
from sweepkit.runners.interface import Controller, Item, Result
from sweepkit.trial.request import TrialResources, TrialSettings

# what a worker's libraries would otherwise print into every log
_WORKER_ENVIRONMENT = {"TF_CPP_MIN_LOG_LEVEL": "2", "KERAS_BACKEND": "tensorflow"}
_TASKS_AHEAD = 2
_ANSWER_S = 5.0


class RayRunner:
    """A connected cluster.

    Attributes:
        resources: what one trial gets of it, and how many trials run at once.
    """

    def __init__(self, *, n_cpus: float, n_gpus: float, wanted: Resources) -> None:
        self._n_cpus = int(n_cpus)
        self.resources = resources_of(n_cpus, n_gpus, wanted)

    def map(self, function: Callable[[Item], Result], items: Sequence[Item], *, describe: str) -> Iterator[Result]:
        """Apply a module-level function to every item on all cores, and yield the results in the order of the items.

        Only a few tasks per core are under way at once, so that neither inputs nor results pile up in memory.
        """
        remote = ray.remote(num_cpus=1)(function).options(name=describe)
        window = self._n_cpus * _TASKS_AHEAD
        running = [remote.remote(item) for item in items[:window]]
        for index in range(len(items)):
            yield _own_error(running.pop(0))
            if index + window < len(items):
                running.append(remote.remote(items[index + window]))

    def run(self, director: Controller, trial_settings: TrialSettings) -> None:
        """Run trials until the director has none left."""
        from sweepkit.runners.ray_tune.tune import run_trials  # Ray Tune takes a second to import; see `connect`

        run_trials(director, trial_settings, self.resources)


@contextlib.contextmanager
def connect(address: str | None, *, modules: Sequence[Path], wanted: Resources) -> Iterator[RayRunner]:
    """Connect to the cluster at `address`, or start one on this machine; leave it, or stop it, at the end.

    Args:
        address: `host:port`, or `auto` for the one that this machine belongs to; None for one on this machine only.
        modules: package folders that workers import by name; Ray's runtime environment ships them.
        wanted: what one trial takes.

    Raises:
        InputError: no cluster answers there, or it is too small for a single trial.
    """
    if address is not None:
        _check_answers(address)
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    # without it Ray prints a tip; a worker without a GPU hides all of them itself (see devices)
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    # these start before anybody says what environment our tasks and actors want, and so serve none of them
    os.environ.setdefault("RAY_prestart_worker_first_driver", "0")
    # Ray prints on stdout that a worker has died, whatever log_to_driver says; the director hears of it anyway
    ray_logging.stdout_deduplicator.skip_re = re.compile("")
    # while Ray starts its processes, this one has little to do
    threading.Thread(target=importlib.import_module, args=["sweepkit.runners.ray_tune.tune"], daemon=True).start()
    answer = signal.getsignal(signal.SIGTERM)
    try:
        # as on macOS and Windows, its servers then listen on 127.0.0.1: who reaches one of them can run code
        ray_constants.ENABLE_RAY_CLUSTER = address is not None
        ray.init(
            address=address or "local",
            runtime_env={
                "py_modules": [str(path) for path in modules],
                "env_vars": _WORKER_ENVIRONMENT,
                "excludes": ["__pycache__", "*.parquet"],
            },
            include_dashboard=None if address else False,
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
    except ConnectionError as error:
        raise _no_cluster(str(address), error) from error
    if callable(answer):
        # Ray puts its own in place, which leaves at once; how this process ends is for whoever started it to say
        signal.signal(signal.SIGTERM, answer)
    try:
        total = ray.cluster_resources()
        yield RayRunner(n_cpus=total.get("CPU", 0.0), n_gpus=total.get("GPU", 0.0), wanted=wanted)
    finally:
        # the autoscaler of a cluster of one; asked to end after the others it takes a second, for it tells one of them
        ray_worker._global_node.kill_monitor(check_alive=False)
        ray.shutdown()


def _check_answers(address: str) -> None:
    """Refuse an address where nothing listens; Ray itself would go on trying for ten minutes."""
    host, separator, port = address.rpartition(":")
    if address == "auto":
        return
    if not separator or not port.isdigit():
        raise InputError(f"a cluster's address is HOST:PORT or auto, got {address!r}", where="--address")
    try:
        socket.create_connection((host, int(port)), timeout=_ANSWER_S).close()
    except OSError as error:
        raise _no_cluster(address, error) from error


def _no_cluster(address: str, error: Exception) -> InputError:
    return InputError(
        f"no Ray cluster answers at {address!r}: {error}; start one with `ray start --head`, or leave --address out "
        "to use this machine alone",
        where="--address",
    )


def resources_of(n_cpus: float, n_gpus: float, wanted: Resources) -> TrialResources:
    """Work out what a trial gets on a cluster of this size; `gpu: auto` is one where there are any.

    Raises:
        InputError: the cluster has not enough for a single trial.
    """
    gpu = (1.0 if n_gpus else 0.0) if wanted.gpu == "auto" else float(wanted.gpu)
    fitting = int(n_cpus // wanted.cpu)
    if gpu:
        fitting = min(fitting, int(n_gpus / gpu))
    if fitting < 1:
        raise InputError(
            f"a trial needs {wanted.cpu} CPUs and {gpu:g} GPUs, but the cluster has {n_cpus:g} CPUs and "
            f"{n_gpus:g} GPUs; lower resources.cpu or resources.gpu"
        )
    return TrialResources(wanted.cpu, gpu, min(fitting, wanted.workers or fitting))


def _own_error(reference: ray.ObjectRef) -> Any:  # whatever the task returns
    """Return a task's result; what our own code raised in it is raised here as itself, without Ray's wrapping."""
    try:
        return ray.get(reference)
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, InputError):
            raise error.cause from None
        raise
