"""Ray Tune dispatching trials to warm workers, and nothing more: what to try, when to stop and what counts is the
director's.

A `Searcher` that only asks, a scheduler that only obeys, and a class trainable that is reused from trial to trial.
Tune's own checkpoints, snapshots and restoring are not used: the journal and the trials' checkpoints hold all that
going on needs.
"""

from __future__ import annotations

import json
import logging
import os
import tempfile
import traceback
from typing import Any

from ray import tune
from ray.tune.experiment import Trial
from ray.tune.schedulers import FIFOScheduler, TrialScheduler
from ray.tune.search import Searcher

from sweepkit.errors import StorageFault
from sweepkit.reports import Report
from sweepkit.tasks import Director, Job, Share, TrialTask

logger = logging.getLogger(__name__)

_TUNE_ENVIRONMENT = {
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # MLflow and the journal have it all
    "RAY_AIR_NEW_OUTPUT": "0",  # what shows the sweep is the observer
    "TUNE_DISABLE_SIGINT_HANDLER": "1",  # Ctrl-C is the command's to answer
    "TUNE_GLOBAL_CHECKPOINT_S": str(10**9),  # the journal is the sweep's state
    "TUNE_WARN_THRESHOLD_S": "10",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
}


def run_trials(director: Director, job: Job, share: Share) -> None:
    """Run trials until the director has none left, `share.n_workers` at a time."""
    os.environ.update(_TUNE_ENVIRONMENT)
    logging.getLogger("ray.tune").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory(prefix="sweepkit-tune-") as scratch:
        tuner = tune.Tuner(
            tune.with_resources(_WarmTrial, {"cpu": share.cpu, "gpu": share.gpu}),
            tune_config=tune.TuneConfig(
                num_samples=-1,  # the searcher says when there are no more
                search_alg=_Ask(director, job),
                scheduler=_Obey(director),
                max_concurrent_trials=share.n_workers,
                reuse_actors=True,
            ),
            run_config=tune.RunConfig(
                storage_path=scratch,
                name="sweep",
                verbose=0,
                checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
            ),
        )
        tuner.fit()


class _WarmTrial(tune.Trainable):  # type: ignore[misc]  # Ray is not typed
    """A worker that Ray keeps from trial to trial; `step` is one epoch."""

    def setup(self, config: dict[str, Any]) -> None:  # Ray's own type
        # here, not above: the driver must never import TensorFlow
        from sweepkit.tracking.worker import open_trial_log
        from sweepkit.training import Worker

        self._warnings = _Warnings()
        logging.getLogger("sweepkit").addHandler(self._warnings)
        self._worker = Worker(Job(**config["job"]), open_trial_log)
        self._task: TrialTask | None = TrialTask(**config["task"])

    def reset_config(self, new_config: dict[str, Any]) -> bool:  # Ray's own type
        self._task = TrialTask(**new_config["task"])
        return True

    def step(self) -> dict[str, str]:
        return self._run_epoch() | {"warnings": json.dumps(self._warnings.take())}

    def _run_epoch(self) -> dict[str, str]:
        try:
            if self._task is not None:
                task, self._task = self._task, None
                self._worker.start(task)
            return {"report": json.dumps(self._worker.run_epoch().to_json())}
        except StorageFault as fault:
            return {"fault": str(fault)}
        except Exception:  # noqa: BLE001  # one trial must not take its worker, let alone the sweep, with it
            return {"error": traceback.format_exc()}

    def cleanup(self) -> None:
        self._worker.stop()


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


class _Unpickled:
    """What Tune would pickle into its snapshots; there is nothing in here that a snapshot should hold."""

    def __reduce__(self) -> tuple[type, tuple[()]]:
        return object, ()


class _Ask(_Unpickled, Searcher):  # type: ignore[misc]  # Ray is not typed
    """Hands out the director's next trial."""

    def __init__(self, director: Director, job: Job) -> None:
        super().__init__()
        self._director = director
        self._job = job.to_json()

    def suggest(self, trial_id: str) -> dict[str, Any] | str:  # noqa: ARG002  # Ray's own signature
        task = self._director.next_task()
        if task is None:
            return Searcher.FINISHED  # type: ignore[no-any-return]  # Ray is not typed
        return {"job": self._job, "task": task.to_json()}

    def on_trial_complete(self, trial_id: str, result: object = None, error: bool = False) -> None:
        """Nothing: the scheduler has heard it already, reasons included."""

    def save(self, checkpoint_path: str) -> None:
        """Nothing: the journal is the state."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing: see `save`."""


class _Obey(_Unpickled, FIFOScheduler):  # type: ignore[misc]  # Ray is not typed
    """Passes every report to the director and stops what the director stops."""

    def __init__(self, director: Director) -> None:
        super().__init__()
        self._director = director

    def on_trial_result(self, tune_controller: object, trial: Trial, result: dict[str, Any]) -> str:  # noqa: ARG002
        number = trial.config["task"]["number"]
        for text in json.loads(result["warnings"]):
            logger.warning("trial %d: %s", number, text)
        if "fault" in result:
            self._director.halted(StorageFault(result["fault"]))
            stops = True
        elif "error" in result:
            self._director.failed(number, result["error"])
            stops = True
        else:
            stops = self._director.reported(number, Report.from_json(json.loads(result["report"])))
        return TrialScheduler.STOP if stops or self._director.is_over() else TrialScheduler.CONTINUE  # type: ignore[no-any-return]  # Ray is not typed

    def on_trial_error(self, tune_controller: object, trial: Trial) -> None:  # noqa: ARG002
        error = trial.get_error()
        self._director.failed(trial.config["task"]["number"], str(error) if error else "its worker died")
