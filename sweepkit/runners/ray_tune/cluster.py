"""A Ray cluster as a runner: the one at an address, or one of this machine; the project's code is shipped to workers.

Try `with connect(None, modules=[...], resources=Resources()) as runner: list(runner.map(len, ["a", "bc"],
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

# otherwise TensorFlow prints what it notices about the machine into every log
_WORKER_ENVIRONMENT = {"TF_CPP_MIN_LOG_LEVEL": "2", "KERAS_BACKEND": "tensorflow"}
# tasks per core: one runs, the other is ready for when it ends
_TASKS_PER_CORE = 2
_ANSWER_S = 5.0


class RayRunner:
    """A connected cluster.

    Attributes:
        resources: what each trial gets, and how many run at once.
    """

    def __init__(self, *, n_cpus: float, n_gpus: float, resources: Resources) -> None:
        self._n_cpus = int(n_cpus)
        self.resources = resources_of(n_cpus, n_gpus, resources)

    def map(self, function: Callable[[Item], Result], items: Sequence[Item], *, describe: str) -> Iterator[Result]:
        """Apply a module-level function to every item on all cores, and yield the results in the order of the items.

        Only a few tasks per core are submitted at once, so that neither inputs nor results pile up in memory.
        """
        remote = ray.remote(num_cpus=1)(function).options(name=describe)
        window = self._n_cpus * _TASKS_PER_CORE
        running = [remote.remote(item) for item in items[:window]]
        for index in range(len(items)):
            yield _result(running.pop(0))
            if index + window < len(items):
                running.append(remote.remote(items[index + window]))

    def run(self, controller: Controller, trial_settings: TrialSettings) -> None:
        """Run trials until the controller has none left."""
        # here, not above: Ray Tune takes a second to import, and `connect` imports it while Ray starts
        from sweepkit.runners.ray_tune.tune import run_trials

        run_trials(controller, trial_settings, self.resources)


@contextlib.contextmanager
def connect(address: str | None, *, modules: Sequence[Path], resources: Resources) -> Iterator[RayRunner]:
    """Connect to the cluster at `address`, or start one on this machine; disconnect from it, or stop it, at the end.

    Args:
        address: `host:port`, or `auto` for the one that this machine belongs to; None for one on this machine only.
        modules: package folders that workers import by name; Ray's runtime environment ships them.
        resources: what the YAML asks for one trial.

    Raises:
        InputError: no cluster answers there, or it is too small for a single trial.
    """
    if address is not None:
        _check_address(address)
    _set_environment()
    # Ray prints on stdout that a worker has died, whatever log_to_driver says; the controller reports it anyway
    ray_logging.stdout_deduplicator.skip_re = re.compile("")
    # meanwhile Ray starts its processes and this one would only wait
    threading.Thread(target=importlib.import_module, args=["sweepkit.runners.ray_tune.tune"], daemon=True).start()
    on_sigterm = signal.getsignal(signal.SIGTERM)
    _init(address, modules)
    if callable(on_sigterm):
        # Ray's own handler exits at once; a command or a job has to end its sweep first
        signal.signal(signal.SIGTERM, on_sigterm)
    try:
        total = ray.cluster_resources()
        yield RayRunner(n_cpus=total.get("CPU", 0.0), n_gpus=total.get("GPU", 0.0), resources=resources)
    finally:
        # the autoscaler of a cluster of one: shut down after the other processes, it waits for one of them for a second
        ray_worker._global_node.kill_monitor(check_alive=False)
        ray.shutdown()


def resources_of(n_cpus: float, n_gpus: float, resources: Resources) -> TrialResources:
    """Work out what a trial gets on a cluster of this size; `gpu: auto` is one where there are any.

    Raises:
        InputError: the cluster has not enough for a single trial.
    """
    gpu = (1.0 if n_gpus else 0.0) if resources.gpu == "auto" else float(resources.gpu)
    fitting = int(n_cpus // resources.cpu)
    if gpu:
        fitting = min(fitting, int(n_gpus / gpu))
    if fitting < 1:
        # Ray would queue the trial for a node that never comes
        raise InputError(
            f"a trial needs {resources.cpu} CPUs and {gpu:g} GPUs, but the cluster has {n_cpus:g} CPUs and "
            f"{n_gpus:g} GPUs; lower resources.cpu or resources.gpu"
        )
    return TrialResources(resources.cpu, gpu, min(fitting, resources.workers or fitting))


def _result(reference: ray.ObjectRef) -> Any:  # whatever the task returns
    """Return a task's result; an InputError raised in the task is raised here without Ray's wrapping."""
    try:
        return ray.get(reference)
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, InputError):
            raise error.cause from None
        raise


def _check_address(address: str) -> None:
    """Refuse an address where nothing listens; Ray itself would retry for ten minutes."""
    host, separator, port = address.rpartition(":")
    if address == "auto":
        return
    if not separator or not port.isdigit():
        raise InputError(f"a cluster's address must be HOST:PORT or auto, got {address!r}", where="--address")
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


def _set_environment() -> None:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    # unset, Ray prints a hint about it; a worker without a GPU hides all GPUs itself, see training/devices.py
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    # processes started in advance lack the runtime environment below, so no task or actor of ours can use them
    os.environ.setdefault("RAY_prestart_worker_first_driver", "0")


def _init(address: str | None, modules: Sequence[Path]) -> None:
    # As on macOS and Windows, the servers of a local cluster then listen on 127.0.0.1: whoever can connect to one of
    # them can run code. Ray reads its environment variable for this at import, which is over by now.
    ray_constants.ENABLE_RAY_CLUSTER = address is not None
    try:
        ray.init(
            address=address or "local",
            runtime_env={
                "py_modules": [str(path) for path in modules],
                "env_vars": _WORKER_ENVIRONMENT,
                # workers read prepared data, so samples of raw rows beside a package's code are not shipped
                "excludes": ["__pycache__", "*.parquet"],
            },
            include_dashboard=None if address else False,
            # the controller logs what matters of its workers' output, once and with the trial's number
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
    except ConnectionError as error:
        raise _no_cluster(str(address), error) from error
