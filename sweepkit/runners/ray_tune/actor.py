"""The Ray actor that trains trials: one worker, kept from trial to trial, which leaves when it had better not be kept.

A worker that leaves says so in its answer and exits when Tune calls it next, so that Tune starts a fresh one in its
place. Ray Tune makes and calls it; see `trials.run_trials`.
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

# what a worker answers: one of the first four, what it warns of, and the last if it exits at the next call
REPORT, ERROR, FAULT, RETURNED, WARNINGS, LEAVES = "report", "error", "fault", "returned", "warnings", "leaves"


class WarmTrial(tune.Trainable):  # type: ignore[misc]  # Ray is not typed
    """A worker as Tune wants it; `step` is one epoch."""

    def setup(
        self, config: dict[str, Any], trial_settings: dict[str, Any], resources: dict[str, Any]
    ) -> None:  # Ray's type, JSON
        """Only take the task: what may take long, or raise, is a part of the first epoch."""
        self._trial_settings, self._share = TrialSettings(**trial_settings), TrialResources(**resources)
        self._task: TrialRequest | None = TrialRequest(**config["task"])
        self._worker: Trainer | None = None
        self._leaves = False
        self._warnings = _Warnings()
        logging.getLogger("sweepkit").addHandler(self._warnings)

    def reset_config(self, new_config: dict[str, Any]) -> bool:  # Ray's own type
        self._task = TrialRequest(**new_config["task"])
        return True

    def step(self) -> dict[str, object]:
        if self._leaves:
            ray.actor.exit_actor()
        answer = self._answer()
        self._leaves = bool(answer.get(LEAVES))
        return answer | {WARNINGS: json.dumps(self._warnings.take())}

    def cleanup(self) -> None:
        if self._worker is not None:
            self._worker.stop()

    def _answer(self) -> dict[str, object]:
        try:
            if self._task is not None and (reason := self._outgrown()):
                return {RETURNED: reason, LEAVES: True}
            if self._worker is None:
                self._worker = _new_worker(self._trial_settings)
            if self._task is not None:
                request, self._task = self._task, None
                self._worker.start(request)
            return {REPORT: json.dumps(self._worker.run_epoch().to_json())}
        except StorageFault as fault:
            return {FAULT: str(fault), LEAVES: self._worker is None}
        except Exception:  # noqa: BLE001  # one trial must not take its worker, let alone the sweep, with it
            # TensorFlow's settings are made once a process: what failed half-way cannot be made again
            return {ERROR: traceback.format_exc(), LEAVES: self._worker is None}

    def _outgrown(self) -> str | None:
        """Say that this process holds too much, now that no trial is under way in it; None if it does not."""
        if self._worker is None:
            return None
        self._worker.stop()
        held_gb = psutil.Process().memory_info().rss / 1e9
        most_gb = self._trial_settings.worker_memory_gb or own_share_gb(_node(), self._share)
        if held_gb <= most_gb:
            return None
        name = (
            "resources.worker_memory_gb"
            if self._trial_settings.worker_memory_gb
            else "a worker's share of its node's memory"
        )
        return f"the one before held {held_gb:.2f} GB after its last trial, more than {name}: {most_gb:.2f}"


class _Warnings(logging.Handler):
    """Keeps what a worker warns of until its next result takes it to the driver, where somebody sees it."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno == logging.WARNING:  # an error fails the trial, and the driver hears of it
            self._texts.append(record.getMessage())

    def take(self) -> list[str]:
        texts, self._texts = self._texts, []
        return texts


def own_share_gb(node: Mapping[str, float], resources: TrialResources) -> float:
    """Return a worker's share of its node's memory in GB; `node` has its `memory` in bytes, its `CPU` and its `GPU`."""
    fitting = [node.get("CPU", 0.0) // resources.cpu, float(resources.n_workers)]
    if resources.gpu:
        fitting.append(node.get("GPU", 0.0) // resources.gpu)
    return node.get("memory", float("inf")) / max(min(fitting), 1.0) / 1e9


def _node() -> dict[str, float]:
    """Return what the node that this process runs on has for tasks and actors."""
    own = ray.get_runtime_context().get_node_id()
    return next((dict(node["Resources"]) for node in ray.nodes() if node["NodeID"] == own), {})


def _new_worker(trial_settings: TrialSettings) -> Trainer:
    import_keras()
    # here, not above: the driver must never import TensorFlow
    from sweepkit.tasks.interface import task_of
    from sweepkit.tracking.trial_logger import open_trial_logger
    from sweepkit.training.trainer import Trainer

    return Trainer(trial_settings, open_trial_logger, task_of(trial_settings.package))
