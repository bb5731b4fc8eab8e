"""Ray Tune dispatching trials to warm workers, and nothing more: what to try, when to stop and what counts is the
director's.

A `Searcher` that only asks, a scheduler that only obeys, and a class trainable that is reused from trial to trial.
Tune's own checkpoints, snapshots, retries and restoring are not used: the journal and the trials' checkpoints hold
all that going on needs. A trial that is tried again is a new trial to Tune.
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
from sweepkit.runners.ray_tune.actor import ERROR, FAULT, LEAVES, REPORT, RETURNED, WARNINGS, WarmTrial
from sweepkit.runners.ray_tune.deaths import death_being_handled, listen_to_deaths
from sweepkit.runners.ray_tune.watchdog import Watchdog
from sweepkit.trial.request import TrialResources, TrialSettings
from sweepkit.trial.trial import Report

logger = logging.getLogger(__name__)

_TUNE_ENVIRONMENT = {
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # MLflow and the journal have it all
    "RAY_AIR_NEW_OUTPUT": "0",  # what shows the sweep is the observer
    "TUNE_DISABLE_SIGINT_HANDLER": "1",  # Ctrl-C is the command's to answer
    "TUNE_GLOBAL_CHECKPOINT_S": str(10**9),  # the journal is the sweep's state
    "TUNE_WARN_THRESHOLD_S": "10",
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",  # the director says what becomes of them
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
}


def run_trials(director: Controller, trial_settings: TrialSettings, resources: TrialResources) -> None:
    """Run trials until the director has none left, `resources.n_workers` at a time."""
    os.environ.update(_TUNE_ENVIRONMENT)
    logging.getLogger("ray.tune").setLevel(logging.CRITICAL)  # at its end it lists trials whose worker died
    listen_to_deaths()
    watch = Watchdog(None if trial_settings.timeout_minutes is None else trial_settings.timeout_minutes * 60)
    with tempfile.TemporaryDirectory(prefix="sweepkit-tune-") as scratch:
        tuner = tune.Tuner(
            # not in a trial's config, of which Tune makes names of folders: a store's URI may hold a password
            tune.with_resources(
                tune.with_parameters(WarmTrial, trial_settings=trial_settings.to_json(), resources=asdict(resources)),
                {"cpu": resources.cpu, "gpu": resources.gpu},
            ),
            tune_config=tune.TuneConfig(
                num_samples=-1,  # the searcher says when there are no more
                search_alg=_Ask(director),
                scheduler=_Obey(director, trial_settings, watch),
                max_concurrent_trials=resources.n_workers,
                reuse_actors=True,
            ),
            run_config=tune.RunConfig(
                storage_path=scratch,
                name="sweep",
                verbose=0,
                callbacks=[watch],
                checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
            ),
        )
        tuner.fit()


class _Unpickled:
    """What Tune would pickle into its snapshots; there is nothing in here that a snapshot should hold."""

    def __reduce__(self) -> tuple[type, tuple[()]]:
        return object, ()


class _Ask(_Unpickled, Searcher):  # type: ignore[misc]  # Ray is not typed
    """Hands out the director's next trial."""

    def __init__(self, director: Controller) -> None:
        super().__init__()
        self._director = director
        self._running: set[str] = set()

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        request = self._director.next_trial()
        if request is not None:
            self._running.add(trial_id)
            return {"task": request.to_json()}
        # a trial that is still running may fail, and then there is something to hand out again
        return None if self._running else Searcher.FINISHED

    def on_trial_complete(self, trial_id: str, result: object = None, error: bool = False) -> None:  # noqa: ARG002  # Ray's own signature
        """Only count: the scheduler has heard it already, reasons included."""
        self._running.discard(trial_id)

    def save(self, checkpoint_path: str) -> None:
        """Nothing: the journal is the state."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing: see `save`."""


class _Obey(_Unpickled, FIFOScheduler):  # type: ignore[misc]  # Ray is not typed
    """Passes every report, and every death, to the director and stops what the director stops."""

    def __init__(self, director: Controller, trial_settings: TrialSettings, watch: Watchdog) -> None:
        super().__init__()
        self._director, self._timeout_minutes, self._watch = director, trial_settings.timeout_minutes, watch

    def on_trial_result(self, tune_controller: object, trial: Trial, result: dict[str, Any]) -> str:  # noqa: ARG002  # Ray's own signature
        number, leaves = trial.config["task"]["number"], bool(result.get(LEAVES))
        for text in json.loads(result[WARNINGS]):
            logger.warning("trial %d: %s", number, text)
        self._watch.note_report(trial, is_leaving=leaves)
        stops = self._told(number, result) or self._director.is_over()
        if stops and not leaves:
            self._watch.ended(trial)
        # a worker that leaves is called once more, and Tune finds it gone
        return TrialScheduler.STOP if stops and not leaves else TrialScheduler.CONTINUE  # type: ignore[no-any-return]  # Ray is not typed

    def on_trial_error(self, tune_controller: object, trial: Trial) -> None:  # noqa: ARG002  # as above
        number, attempt = trial.config["task"]["number"], self._watch.lost(trial)
        if attempt is not None and attempt.is_leaving:
            return
        death = death_being_handled()
        if attempt is not None and attempt.was_hung:
            hung = f"hung: no epoch within budget.timeout_minutes: {self._timeout_minutes:g}; its worker was killed"
            self._director.failed(number, f"{death.text}\n{hung}")
        elif attempt is None and trial.temporary_state.ray_actor is not None:
            # a worker that had been kept for it turned out to be dead
            self._director.returned(number, death.text.splitlines()[-1])
        else:
            self._director.failed(number, death.text, counts=death.counts)

    def _told(self, number: int, result: dict[str, Any]) -> bool:
        """Tell the director what a worker said; True when the attempt ends with it."""
        if RETURNED in result:
            self._director.returned(number, result[RETURNED])
        elif FAULT in result:
            self._director.halted(StorageFault(result[FAULT]))
        elif ERROR in result:
            self._director.failed(number, result[ERROR])
        else:
            return self._director.reported(number, Report.from_json(json.loads(result[REPORT])))
        return True
