"""The training of trials on a worker: build the model, train and validate epoch by epoch, and after each write the
checkpoint, log, and return the report.

Whether there is a next epoch is decided by the controller, which calls `run_epoch`. The same class runs in a Ray actor
and in the driver's process. Decoded data and TensorFlow are kept from trial to trial. Try
`trainer = Trainer(trial_settings, open_log, task); trainer.start(request); report = trainer.run_epoch()`.
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
from sweepkit.storage.sweep_folder import SweepFolder, TrialFolder
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
    """Train one trial after another. It configures TensorFlow for its process, so a process has at most one."""

    def __init__(self, trial_settings: TrialSettings, open_log: OpenLog, task: TrainingTask) -> None:
        devices.configure(
            threads=trial_settings.threads, gpu=trial_settings.gpu, deterministic=trial_settings.deterministic
        )
        implementation.select(trial_settings.nn)
        self._trial_settings = trial_settings
        self._open_log = open_log
        self._data = open_data(trial_settings.data_ref, task.data_type)
        self._sweep = SweepFolder(self._data.storage, trial_settings.sweep, trial_settings.stage)
        # imported now, so that the garbage collector's freeze below covers them
        self._data.package.model_module(), self._data.package.data_module()
        self._datasets = task.datasets(self._data)
        self._trial: _RunningTrial | None = None
        # modules and decoded rows stay until the process ends: frozen, no collection after a trial visits them
        gc.freeze()

    def start(self, request: TrialRequest) -> None:
        """Build the model of a trial, and resume from its newest checkpoint if an earlier attempt wrote one.

        An exception of the sweep package, here or in `run_epoch`, is written to the trial's log and raised again.
        """
        self.stop()
        folder = self._sweep.trial(request.number)
        self._trial = trial = _RunningTrial(request, folder)
        if request.resumes and folder.storage.exists(folder.paths.log):
            trial.text.write(folder.storage.read(folder.paths.log).decode(errors="replace"))
        with self._logged(trial):
            trial.train = self._datasets.train(request.params, seed=request.seed)
            trial.valid = self._datasets.valid(request.params)
            keras.utils.set_random_seed(request.seed)
            trial.model = self._data.build(request.params)
            if request.resumes:
                state = checkpoints.restore(folder, trial.model)
                trial.reports = list(state.reports) if state else []
            trial.n_returned = min(request.epochs_reported, len(trial.reports))
            trial.log = self._open_log(self._trial_settings, request, folder)
            attempt = f" attempt {request.attempt}" if request.attempt > 1 else ""
            logger.info(
                "trial %d%s starts after epoch %d: %s", request.number, attempt, len(trial.reports), request.params
            )

    def run_epoch(self) -> Report:
        """Train and validate one epoch, write the checkpoint, log, and return the report.

        An epoch in the checkpoint but not in the journal (the process ended between the two) is returned without
        training. One in the journal but not in the checkpoint (deleted or damaged) is trained again and keeps the
        journal's report.
        """
        assert self._trial is not None, "start() comes first"
        trial = self._trial
        with self._logged(trial):
            if trial.n_returned == len(trial.reports):
                trial.reports.append(self._as_journalled(trial, self._train_and_validate(trial)))
                self._save_checkpoint(trial)
            report = trial.reports[trial.n_returned]
            logger.info("epoch %d: %s", report.epoch, dict(report.metrics))
            if trial.log and report.epoch > trial.request.epochs_reported:
                trial.log.log(report)
        trial.n_returned += 1
        return report

    def stop(self) -> None:
        """End the running trial, if there is one, and free its memory."""
        if self._trial is None:
            return
        self._trial.close()
        self._trial = None
        keras.backend.clear_session()
        devices.forget_gradients()
        gc.collect()

    @contextlib.contextmanager
    def _logged(self, trial: _RunningTrial) -> Iterator[None]:
        """Write the trial's log when the block ends, with the traceback if it fails."""
        is_writable = True
        try:
            yield
        except StorageFault:
            is_writable = False  # writing the log would fail too, and hide the first error
            raise
        except Exception:
            logger.exception("trial %d failed", trial.request.number)
            raise
        finally:
            if is_writable:
                trial.folder.storage.write(trial.folder.paths.log, trial.text.getvalue().encode())

    def _train_and_validate(self, trial: _RunningTrial) -> Report:
        epoch = len(trial.reports) + 1
        _seed_epoch((trial.request.seed + epoch) % 2**32)
        started = time.perf_counter()
        history = trial.model.fit(
            trial.train.epoch(epoch),
            initial_epoch=epoch - 1,
            epochs=epoch,
            verbose=0,
            shuffle=False,  # the dataset shuffles; Keras warns about a shuffle of its own
            callbacks=[keras.callbacks.TerminateOnNaN()],
        )
        metrics = {f"train_{name}": float(values[-1]) for name, values in history.history.items()}
        metrics["train_seconds"] = time.perf_counter() - started
        metrics["n_weights"] = float(trial.model.count_params())
        report = Report(epoch, metrics, time.time())
        if early_stopping.not_finite(report, self._trial_settings.metric):
            return report  # the trial fails, whatever the validation metrics are
        return self._validated(trial, report)

    def _validated(self, trial: _RunningTrial, report: Report) -> Report:
        started = time.perf_counter()
        results = trial.model.evaluate(trial.valid.epoch(0), verbose=0, return_dict=True)
        metrics = dict(report.metrics) | {f"valid_{name}": float(value) for name, value in results.items()}
        metrics["valid_seconds"] = time.perf_counter() - started
        return Report(report.epoch, metrics, time.time())

    def _as_journalled(self, trial: _RunningTrial, report: Report) -> Report:
        """Return the journal's report of this epoch if there is one, so that checkpoint and journal agree on the best.

        A new one may differ in its last bits, on other hardware or without `deterministic`.
        """
        if report.epoch > len(trial.request.reports):
            return report
        journalled = Report.from_json(trial.request.reports[report.epoch - 1])
        metric = self._trial_settings.metric
        now, before = report.metrics.get(metric), journalled.metrics.get(metric)
        level = logging.INFO if now == before else logging.WARNING
        logger.log(level, "epoch %d trained again: %s is %s, was %s", report.epoch, metric, now, before)
        return journalled

    def _save_checkpoint(self, trial: _RunningTrial) -> None:
        request, epoch = trial.request, trial.reports[-1].epoch
        state = CheckpointState(
            number=request.number, epoch=epoch, reports=tuple(trial.reports), params=request.params, seed=request.seed
        )
        checkpoints.save(trial.folder, trial.model, state)
        values = [report.metrics.get(self._trial_settings.metric, float("nan")) for report in trial.reports]
        best = early_stopping.best_so_far(values, self._trial_settings.direction)
        best_epoch = trial.reports[best[1]].epoch if best else epoch
        checkpoints.tidy(trial.folder, best_epoch=best_epoch, last_epoch=epoch)


def _seed_epoch(seed: int) -> None:
    """Seed Python and NumPy by trial and epoch, so that a resumed trial draws the same numbers.

    TensorFlow keeps its seed: a new one would discard the compiled training step, 0.4 s an epoch, while its operations
    would go on with the seed of `start`. The generators of Keras' layers are in the checkpoint.
    """
    random.seed(seed)
    np.random.seed(seed)  # the generator that a sweep package may use


class _RedactingFormatter(logging.Formatter):
    """Remove credentials, which errors of libraries may quote."""

    def format(self, record: logging.LogRecord) -> str:
        return hidden(super().format(record))


class _RunningTrial:
    """The state of the running trial, dropped when it ends.

    Attributes:
        train: the dataset of each epoch.
        valid: the dataset of every validation.
        reports: one for each epoch of the checkpoint.
        n_returned: how many epochs have been reported to the driver, in this attempt or before.
        text: the log so far.
    """

    train: EpochData
    valid: EpochData

    def __init__(self, request: TrialRequest, folder: TrialFolder) -> None:
        self.request, self.folder = request, folder
        self.model: Any = None  # a Keras model once it is built, and Keras has no types
        self.log: ReportLog | None = None
        self.reports: list[Report] = []
        self.n_returned = 0
        self.text = io.StringIO()
        self._handler = logging.StreamHandler(self.text)
        self._handler.setFormatter(_RedactingFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        logging.getLogger().addHandler(self._handler)
        logging.getLogger("sweepkit").setLevel(logging.INFO)

    def close(self) -> None:
        logging.getLogger().removeHandler(self._handler)
        if self.log:
            self.log.close()
