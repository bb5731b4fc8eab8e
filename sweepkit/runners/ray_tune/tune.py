"""Run trials on Ray Tune with reused actors. Which trial runs next and when one stops is decided by the controller.

A searcher returns the controller's trials, a scheduler applies its decisions, and a class trainable is reused from
trial to trial. Tune's own checkpoints, snapshots, retries and restoring are not used: the journal and the trials'
checkpoints hold everything that resuming needs. A trial that is retried is a new trial to Tune.
"""

from __future__ import annotations

import json
import logging
import os
import tempfile
from dataclasses import asdict
from typing import Any

from ray import tune
from ray.tune.experiment import Trial
from ray.tune.schedulers import FIFOScheduler, TrialScheduler
from ray.tune.search import Searcher

from sweepkit.errors import StorageFault
from sweepkit.runners.interface import Controller
from sweepkit.runners.ray_tune.actor import ERROR, EXITS, REPORT, RETURNED, STORAGE_FAULT, WARNINGS, WarmTrial
from sweepkit.runners.ray_tune.deaths import current_death, patch_actor_manager
from sweepkit.runners.ray_tune.watchdog import Watchdog
from sweepkit.trial.request import TrialResources, TrialSettings
from sweepkit.trial.trial import Report

logger = logging.getLogger(__name__)

_TUNE_ENVIRONMENT = {
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # MLflow and the journal have every metric
    "RAY_AIR_NEW_OUTPUT": "0",  # sweepkit shows the sweep itself
    "TUNE_DISABLE_SIGINT_HANDLER": "1",  # the command handles Ctrl-C
    "TUNE_GLOBAL_CHECKPOINT_S": str(10**9),  # the journal is the sweep's state
    # a searcher's call waits for a suggestion and the journal's line; Tune warns of it after half a second by default
    "TUNE_WARN_THRESHOLD_S": "10",
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",  # the controller logs them, with what follows
    "RAY_CHDIR_TO_TRIAL_DIR": "0",  # otherwise a worker's relative paths would lead into the scratch folder
}


def run_trials(controller: Controller, trial_settings: TrialSettings, resources: TrialResources) -> None:
    """Run trials until the controller has none left, `resources.n_workers` at a time."""
    os.environ.update(_TUNE_ENVIRONMENT)
    # at its end Tune logs the trials whose worker died, retried or not
    logging.getLogger("ray.tune").setLevel(logging.CRITICAL)
    patch_actor_manager()
    watchdog = Watchdog(None if trial_settings.timeout_minutes is None else trial_settings.timeout_minutes * 60)
    with tempfile.TemporaryDirectory(prefix="sweepkit-tune-") as scratch:
        tuner = tune.Tuner(
            # not in a trial's config, from which Tune makes names of folders: a store's URI may contain a password
            tune.with_resources(
                tune.with_parameters(WarmTrial, trial_settings=trial_settings.to_json(), resources=asdict(resources)),
                {"cpu": resources.cpu, "gpu": resources.gpu},
            ),
            tune_config=tune.TuneConfig(
                num_samples=-1,  # until the searcher returns FINISHED
                search_alg=ControllerSearcher(controller),
                scheduler=ControllerScheduler(controller, trial_settings, watchdog),
                # unset, Tune keeps one trial pending at a time beside a searcher of one's own
                max_concurrent_trials=resources.n_workers,
                # a fresh actor for each trial would import TensorFlow and decode the data each time
                reuse_actors=True,
            ),
            run_config=tune.RunConfig(
                storage_path=scratch,
                name="sweep",
                verbose=0,
                callbacks=[watchdog],
                checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
            ),
        )
        tuner.fit()


class _Unpickled:
    """Leave nothing for Tune to pickle into its snapshots, which are not used."""

    def __reduce__(self) -> tuple[type, tuple[()]]:
        return object, ()


class ControllerSearcher(_Unpickled, Searcher):  # type: ignore[misc]  # Ray is not typed
    """Return the controller's next trial whenever Tune has room for one."""

    def __init__(self, controller: Controller) -> None:
        super().__init__()
        self._controller = controller
        self._running: set[str] = set()

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        request = self._controller.next_trial()
        if request is not None:
            self._running.add(trial_id)
            return {"request": request.to_json()}
        # FINISHED is final, and a trial that is still running may fail and have to be handed out again
        return None if self._running else Searcher.FINISHED

    def on_trial_complete(self, trial_id: str, result: object = None, error: bool = False) -> None:  # noqa: ARG002  # Ray's own signature
        """Count the trial as ended; Tune has called the scheduler with the result or the error before."""
        self._running.discard(trial_id)

    # both abstract in Tune's class, and called for snapshots only
    def save(self, checkpoint_path: str) -> None:
        """Do nothing: the journal is the sweep's state."""

    def restore(self, checkpoint_path: str) -> None:
        """Do nothing: the journal is the sweep's state."""


class ControllerScheduler(_Unpickled, FIFOScheduler):  # type: ignore[misc]  # Ray is not typed
    """Pass every report and every failure to the controller and stop the trials that it stops."""

    def __init__(self, controller: Controller, trial_settings: TrialSettings, watchdog: Watchdog) -> None:
        super().__init__()
        self._controller, self._watchdog = controller, watchdog
        self._timeout_minutes = trial_settings.timeout_minutes

    def on_trial_result(self, tune_controller: object, trial: Trial, result: dict[str, Any]) -> str:  # noqa: ARG002  # Ray's own signature
        number, exits = trial.config["request"]["number"], bool(result.get(EXITS))
        for text in json.loads(result[WARNINGS]):
            logger.warning("trial %d: %s", number, text)
        self._watchdog.note_report(trial, is_exiting=exits)
        # the budget may be used up while this trial alone would continue
        stops = self._pass_on(number, result) or self._controller.is_over()
        if stops and not exits:
            self._watchdog.ended(trial)
        # STOP would keep an exiting actor for the next trial; CONTINUE calls it once more, which ends its process
        return TrialScheduler.STOP if stops and not exits else TrialScheduler.CONTINUE  # type: ignore[no-any-return]  # Ray is not typed

    def _pass_on(self, number: int, result: dict[str, Any]) -> bool:
        """Pass a worker's result to the controller; True when the attempt ends with it."""
        if RETURNED in result:
            self._controller.returned(number, result[RETURNED])
        elif STORAGE_FAULT in result:
            self._controller.halted(StorageFault(result[STORAGE_FAULT]))
        elif ERROR in result:
            self._controller.failed(number, result[ERROR])
        else:
            return self._controller.reported(number, Report.from_json(json.loads(result[REPORT])))
        return True

    def on_trial_error(self, tune_controller: object, trial: Trial) -> None:  # noqa: ARG002  # Ray's own signature
        number, attempt = trial.config["request"]["number"], self._watchdog.lost(trial)
        # the exit that its last result announced; the controller has dealt with the trial
        if attempt is not None and attempt.is_exiting:
            return
        death = current_death()
        if attempt is not None and attempt.was_hung:
            hung = f"hung: no epoch within budget.timeout_minutes: {self._timeout_minutes:g}; its worker was killed"
            self._controller.failed(number, f"{death.text}\n{hung}")
        elif attempt is None and trial.temporary_state.ray_actor is not None:
            # Tune assigned an idle actor that had died since its last trial
            self._controller.returned(number, death.text.splitlines()[-1])
        else:
            self._controller.failed(number, death.text, counts=death.counts)
