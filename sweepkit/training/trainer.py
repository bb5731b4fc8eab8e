"""One worker: it builds a trial's model, trains it an epoch at a time, validates, writes a checkpoint and logs, then
reports.

Not for deciding anything: whoever calls `run_epoch` decides whether there is a next one. The same class runs inside a
Ray actor and inside the driver's own process. Prepared data stays decoded between the trials of a worker, and
TensorFlow is imported once. Try `worker = Worker(job, open_log); worker.start(task); report = worker.run_epoch()`.
"""

from __future__ import annotations

import contextlib
import gc
import io
import logging
import random
import time
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np

from sweepkit.errors import StorageFault
from sweepkit.nn import implementation
from sweepkit.redaction import hidden
from sweepkit.storage.layout import SweepPaths, TrialPaths
from sweepkit.storage.sweep_folder import TrialFolder
from sweepkit.training import checkpoints, devices
from sweepkit.training.checkpoints import CheckpointState
from sweepkit.training.datasets import EpochData, TrainingTask
from sweepkit.training.opened import open_data
from sweepkit.trial import early_stopping
from sweepkit.trial.request import ReportLog, TrialRequest, TrialSettings
from sweepkit.trial.trial import Report

logger = logging.getLogger(__name__)

OpenLog = Callable[[TrialSettings, TrialRequest, TrialFolder], ReportLog | None]


class Trainer:
    """Trains one trial after another. Owns the process's TensorFlow settings, so a process has at most one."""

    def __init__(self, trial_settings: TrialSettings, open_log: OpenLog, task: TrainingTask) -> None:
        devices.configure(
            threads=trial_settings.threads, gpu=trial_settings.gpu, deterministic=trial_settings.deterministic
        )
        implementation.select(trial_settings.nn)
        self._trial_settings = trial_settings
        self._open_log = open_log
        self._data = open_data(trial_settings.data_ref, task.data_type)
        self._storage = self._data.storage
        # imported before the collector is frozen
        self._data.package.model_module(), self._data.package.data_module()
        self._datasets = task.datasets(self._data)
        self._trial: _RunningTrial | None = None
        # what is imported and decoded by now stays for good: keep the collector from walking it, now or after a trial
        gc.freeze()

    def start(self, request: TrialRequest) -> None:
        """Build the model of a trial, and go on from its newest checkpoint where an earlier attempt left one.

        Whatever the sweep package raises here or in `run_epoch` is raised again, and stands in the trial's log.
        """
        self.stop()
        paths = SweepPaths(self._trial_settings.sweep, self._trial_settings.stage).trial(request.number)
        self._trial = trial = _RunningTrial(request, paths)
        if request.resumes and self._storage.exists(paths.log):
            trial.text.write(self._storage.read(paths.log).decode(errors="replace"))
        with self._logged(trial):
            trial.train = self._datasets.train(request.params, seed=request.seed)
            trial.valid = self._datasets.valid(request.params)
            keras.utils.set_random_seed(request.seed)
            trial.model = self._data.build(request.params)
            if request.resumes:
                state = checkpoints.restore(self._storage, paths, trial.model)
                trial.reports = list(state.reports) if state else []
            trial.n_returned = min(request.epochs_reported, len(trial.reports))
            trial.log = self._open_log(self._trial_settings, request, TrialFolder(self._storage, paths))
            again = f" attempt {request.attempt}" if request.attempt > 1 else ""
            logger.info(
                "trial %d%s starts after epoch %d: %s", request.number, again, len(trial.reports), request.params
            )

    def run_epoch(self) -> Report:
        """Train and validate one epoch, write the checkpoint, log, and return what to report.

        An epoch that the checkpoint has and the journal has not (a death between the two) is returned without
        training it again. One that the journal has and the checkpoint has not (it was deleted or damaged) is trained
        again and keeps its report.
        """
        assert self._trial is not None, "start() comes first"
        trial = self._trial
        with self._logged(trial):
            if trial.n_returned == len(trial.reports):
                trial.reports.append(self._as_known(trial, self._train_and_validate(trial)))
                self._save_checkpoint(trial)
            report = trial.reports[trial.n_returned]
            logger.info("epoch %d: %s", report.epoch, dict(report.metrics))
            if trial.log and report.epoch > trial.request.epochs_reported:
                trial.log.log(report)
        trial.n_returned += 1
        return report

    def stop(self) -> None:
        """End the running trial, if there is one, and give back its memory."""
        if self._trial is None:
            return
        self._trial.close()
        self._trial = None
        keras.backend.clear_session()
        devices.forget_gradients()
        gc.collect()

    @contextlib.contextmanager
    def _logged(self, trial: _RunningTrial) -> Iterator[None]:
        """Bring the trial's log up to date afterwards, with the traceback of what went wrong."""
        is_taken = True
        try:
            yield
        except StorageFault:
            is_taken = False  # nor would the storage take the log
            raise
        except Exception:
            logger.exception("trial %d fails", trial.request.number)
            raise
        finally:
            if is_taken:
                self._storage.write(trial.paths.log, trial.text.getvalue().encode())

    def _train_and_validate(self, trial: _RunningTrial) -> Report:
        epoch = len(trial.reports) + 1
        _seed_epoch((trial.request.seed + epoch) % 2**32)
        started = time.perf_counter()
        history = trial.model.fit(
            trial.train.epoch(epoch),
            initial_epoch=epoch - 1,
            epochs=epoch,
            verbose=0,
            shuffle=False,  # the feed has done it; Keras warns if it is left to ask
            callbacks=[keras.callbacks.TerminateOnNaN()],
        )
        metrics = {f"train_{name}": float(values[-1]) for name, values in history.history.items()}
        metrics["train_seconds"] = time.perf_counter() - started
        metrics["n_weights"] = float(trial.model.count_params())
        report = Report(epoch, metrics, time.time())
        if early_stopping.not_finite(report, self._trial_settings.metric):
            return report  # nothing that validation could say would matter any more
        return self._validated(trial, report)

    def _validated(self, trial: _RunningTrial, report: Report) -> Report:
        started = time.perf_counter()
        results = trial.model.evaluate(trial.valid.epoch(0), verbose=0, return_dict=True)
        metrics = dict(report.metrics) | {f"valid_{name}": float(value) for name, value in results.items()}
        metrics["valid_seconds"] = time.perf_counter() - started
        return Report(report.epoch, metrics, time.time())

    def _as_known(self, trial: _RunningTrial, report: Report) -> Report:
        """Return what the journal has of this epoch, else the report itself; best epochs must be the same for all."""
        if report.epoch > len(trial.request.reports):
            return report
        known = Report.from_json(trial.request.reports[report.epoch - 1])
        now, before = report.metrics.get(self._trial_settings.metric), known.metrics.get(self._trial_settings.metric)
        level = logging.INFO if now == before else logging.WARNING
        logger.log(
            level, "epoch %d trained again: %s is %s, was %s", report.epoch, self._trial_settings.metric, now, before
        )
        return known

    def _save_checkpoint(self, trial: _RunningTrial) -> None:
        request, epoch = trial.request, trial.reports[-1].epoch
        state = CheckpointState(
            number=request.number, epoch=epoch, reports=tuple(trial.reports), params=request.params, seed=request.seed
        )
        checkpoints.save(self._storage, trial.paths, trial.model, state)
        values = [report.metrics.get(self._trial_settings.metric, float("nan")) for report in trial.reports]
        best = early_stopping.best_so_far(values, self._trial_settings.direction)
        best_epoch = trial.reports[best[1]].epoch if best else epoch
        checkpoints.tidy(self._storage, trial.paths, best_epoch=best_epoch, last_epoch=epoch)


def _seed_epoch(seed: int) -> None:
    """Make what Python and NumPy draw a function of trial and epoch, so that a continued trial draws the same.

    TensorFlow is left alone: to take a new seed it would forget the compiled training step, 0.4 s an epoch, and still
    draw in its operations what the seed of `start` says. Keras' layers keep the state of their draws in the checkpoint.
    """
    random.seed(seed)
    np.random.seed(seed)  # the generator that a sweep package may use


class _Discreet(logging.Formatter):
    """Keeps credentials out of the log, whoever's error brought them."""

    def format(self, record: logging.LogRecord) -> str:
        return hidden(super().format(record))


class _RunningTrial:
    """What belongs to the trial under way, and goes with it.

    Attributes:
        train: where its batches come from; valid: likewise.
        reports: one for each epoch that its checkpoint has.
        n_returned: how many epochs the driver has been told of, in this attempt or before.
        text: its log so far.
    """

    train: EpochData
    valid: EpochData

    def __init__(self, request: TrialRequest, paths: TrialPaths) -> None:
        self.request, self.paths = request, paths
        self.model: Any = None  # a Keras model once it is built, and Keras has no types
        self.log: ReportLog | None = None
        self.reports: list[Report] = []
        self.n_returned = 0
        self.text = io.StringIO()
        self._handler = logging.StreamHandler(self.text)
        self._handler.setFormatter(_Discreet("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        logging.getLogger().addHandler(self._handler)
        logging.getLogger("sweepkit").setLevel(logging.INFO)

    def close(self) -> None:
        logging.getLogger().removeHandler(self._handler)
        if self.log:
            self.log.close()
