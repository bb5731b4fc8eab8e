"""The Ray actor that trains trials: one worker, reused from trial to trial until it holds too much memory.

An actor that is to be replaced marks its result with `EXITS` and exits when Tune calls it next, so that Tune starts a
fresh one in its place. Ray Tune creates and calls it; see `tune.run_trials`.
"""

from __future__ import annotations

import json
import logging
import traceback
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import psutil
import ray
import ray.actor
from ray import tune

from sweepkit.errors import StorageFault
from sweepkit.training.keras_import import import_keras
from sweepkit.trial.request import TrialRequest, TrialResources, TrialSettings

if TYPE_CHECKING:
    from sweepkit.training.trainer import Trainer

# keys of a step's result; each result has one of the first four
REPORT = "report"  # one epoch, as JSON
ERROR = "error"  # the traceback of a failed attempt
STORAGE_FAULT = "storage_fault"  # the storage cannot be written
RETURNED = "returned"  # why the trial was not begun
WARNINGS = "warnings"  # what was logged since the last result, as JSON
EXITS = "exits"  # whether the actor exits at the next call


class WarmTrial(tune.Trainable):  # type: ignore[misc]  # Ray is not typed
    """A worker as a trainable of Tune; `step` is one epoch."""

    def setup(
        self, config: dict[str, Any], trial_settings: dict[str, Any], resources: dict[str, Any]
    ) -> None:  # Ray's type, JSON
        """Keep the request; what may take long or raise is part of the first epoch."""
        # an exception here would reach Tune as the actor's death, without the result that says what to do about it
        self._trial_settings, self._resources = TrialSettings(**trial_settings), TrialResources(**resources)
        self._request: TrialRequest | None = TrialRequest(**config["request"])
        self._trainer: Trainer | None = None
        self._exits = False
        self._warnings = _Warnings()
        logging.getLogger("sweepkit").addHandler(self._warnings)

    def reset_config(self, new_config: dict[str, Any]) -> bool:  # Ray's own type
        # always True: Tune fails the trial when an actor refuses it, so memory is checked in the first step instead
        self._request = TrialRequest(**new_config["request"])
        return True

    def step(self) -> dict[str, object]:
        if self._exits:
            ray.actor.exit_actor()
        result = self._result()
        self._exits = bool(result.get(EXITS))
        return result | {WARNINGS: json.dumps(self._warnings.take())}

    def cleanup(self) -> None:
        if self._trainer is not None:
            self._trainer.stop()

    def _result(self) -> dict[str, object]:
        try:
            if self._request is not None and (reason := self._excess_memory()):
                return {RETURNED: reason, EXITS: True}
            if self._trainer is None:
                self._trainer = _new_trainer(self._trial_settings)
            if self._request is not None:
                request, self._request = self._request, None
                self._trainer.start(request)
            # as text: Tune flattens nested results and adds keys of its own
            return {REPORT: json.dumps(self._trainer.run_epoch().to_json())}
        except StorageFault as error:
            return {STORAGE_FAULT: str(error), EXITS: self._trainer is None}
        except Exception:  # noqa: BLE001  # one trial must not end its worker, let alone the sweep
            # TensorFlow's settings can be made only once in a process: a set-up that failed half-way needs a new one
            return {ERROR: traceback.format_exc(), EXITS: self._trainer is None}

    def _excess_memory(self) -> str | None:
        """Return why this process is to be replaced before its next trial; None if it holds little enough memory."""
        if self._trainer is None:
            return None
        # between two trials, since what a trial itself needs is freed when it ends
        self._trainer.stop()
        held_gb = psutil.Process().memory_info().rss / 1e9
        limit_gb = self._trial_settings.worker_memory_gb or memory_share_gb(_node_resources(), self._resources)
        if held_gb <= limit_gb:
            return None
        name = (
            "resources.worker_memory_gb"
            if self._trial_settings.worker_memory_gb
            else "a worker's share of its node's memory"
        )
        return f"the previous worker held {held_gb:.2f} GB after its last trial, more than {name}: {limit_gb:.2f}"


def memory_share_gb(node: Mapping[str, float], resources: TrialResources) -> float:
    """Return a worker's share of its node's memory in GB; `node` has its `memory` in bytes, its `CPU` and its `GPU`."""
    n_fitting = [node.get("CPU", 0.0) // resources.cpu, float(resources.n_workers)]
    if resources.gpu:
        n_fitting.append(node.get("GPU", 0.0) // resources.gpu)
    # a node that is not listed sets no limit: replacing a worker for nothing would cost an import of TensorFlow
    return node.get("memory", float("inf")) / max(min(n_fitting), 1.0) / 1e9


class _Warnings(logging.Handler):
    """Collects a worker's warnings until its next result takes them to the driver, whose log is read."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno == logging.WARNING:  # an error fails the trial, and its traceback is a result anyway
            self._texts.append(record.getMessage())

    def take(self) -> list[str]:
        texts, self._texts = self._texts, []
        return texts


def _new_trainer(trial_settings: TrialSettings) -> Trainer:
    # first, without the libraries that Keras imports but a worker never uses
    import_keras()
    # here, not above: the driver imports this module too, and must never import TensorFlow
    from sweepkit.tasks.lookup import task_of
    from sweepkit.tracking.trial_logger import open_trial_logger
    from sweepkit.training.trainer import Trainer

    return Trainer(trial_settings, open_trial_logger, task_of(trial_settings.package))


def _node_resources() -> dict[str, float]:
    """Return what the node of this process has for tasks and actors."""
    own_id = ray.get_runtime_context().get_node_id()
    return next((dict(node["Resources"]) for node in ray.nodes() if node["NodeID"] == own_id), {})
