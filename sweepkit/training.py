"""One worker: it builds a trial's model, trains it an epoch at a time, validates, writes a checkpoint and logs, then
reports.

Not for deciding anything: whoever calls `run_epoch` decides whether there is a next one. The same class runs inside a
Ray actor and inside the driver's own process. Prepared data stays decoded between the trials of a worker, and
TensorFlow is imported once. Try `worker = Worker(job, open_log); worker.start(task); report = worker.run_epoch()`.
"""

from __future__ import annotations

import gc
import io
import logging
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import keras

from sweepkit import checkpoints, devices, stopping
from sweepkit.checkpoints import TrialState
from sweepkit.data.batches import Reading
from sweepkit.data.prepared import Prepared
from sweepkit.data.reader import SplitReader, dataset
from sweepkit.paths import DataPaths, SweepPaths, TrialPaths
from sweepkit.problem import import_package
from sweepkit.reports import Report
from sweepkit.storage import Storage
from sweepkit.tasks import Job, ReportLog, TrialTask

logger = logging.getLogger(__name__)

OpenLog = Callable[[Job, TrialTask, Storage, TrialPaths], ReportLog | None]


class Worker:
    """Trains one trial after another. Owns the process's TensorFlow settings, so a process has at most one."""

    def __init__(self, job: Job, open_log: OpenLog) -> None:
        devices.configure(threads=job.threads, gpu=job.gpu, deterministic=job.deterministic)
        self._job = job
        self._open_log = open_log
        self._storage = Storage.at(job.storage_uri)
        package = import_package(job.package)
        self._model_module, self._data_module = package.model_module(), package.data_module()
        self._settings = package.data_model.model_validate(dict(job.data))
        self._prepared = Prepared.open(self._local_data())
        self._readers = {split: SplitReader(self._prepared, split) for split in ("train", "valid")}
        self._trial: _RunningTrial | None = None
        # what is imported and decoded by now stays for good: keep the collector from walking it after every trial
        gc.collect()
        gc.freeze()

    def start(self, task: TrialTask) -> None:
        """Build the model of a trial, and go on from its newest checkpoint where an earlier attempt left one."""
        self.stop()
        keras.utils.set_random_seed(task.seed)
        model = self._model_module.build(task.point, self._prepared)
        paths = SweepPaths(self._job.sweep).trial(task.number)
        state = checkpoints.restore(self._storage, paths, model) if task.resumes else None
        self._trial = _RunningTrial(
            task=task,
            model=model,
            paths=paths,
            reading=self._data_module.reading(task.point, self._settings),
            log=self._open_log(self._job, task, self._storage, paths),
            reports=list(state.reports) if state else [],
        )
        logger.info("trial %d starts after epoch %d: %s", task.number, len(self._trial.reports), task.point)

    def run_epoch(self) -> Report:
        """Train and validate one epoch, write the checkpoint, log, and return what to report.

        An epoch that the checkpoint has and the journal has not (a death between the two) is returned without
        training it again.
        """
        trial = self._running()
        if trial.n_returned < len(trial.reports):
            report = trial.reports[trial.n_returned]
        else:
            report = self._train_and_validate(trial)
            trial.reports.append(report)
            self._save_checkpoint(trial)
            self._storage.write(trial.paths.log, trial.text.getvalue().encode())
        if trial.log:
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
        gc.collect()

    def note_failure(self, error: str) -> None:
        """Write a traceback into the running trial's log."""
        trial = self._running()
        logger.error("trial %d failed: %s", trial.task.number, error)
        self._storage.write(trial.paths.log, trial.text.getvalue().encode())

    def _running(self) -> _RunningTrial:
        assert self._trial is not None, "start() comes first"
        return self._trial

    def _local_data(self) -> Path:
        name = DataPaths(self._job.package, self._job.data_key).root
        return self._storage.local_folder(name, Path(tempfile.gettempdir()) / "sweepkit-data")

    def _train_and_validate(self, trial: _RunningTrial) -> Report:
        epoch = len(trial.reports) + 1
        # a function of (trial, epoch) alone, so that a continued trial draws what an uninterrupted one would
        keras.utils.set_random_seed((trial.task.seed + epoch) % 2**32)
        started = time.perf_counter()
        batches = dataset(self._readers["train"], trial.reading, training=True, seed=trial.task.seed, epoch=epoch)
        history = trial.model.fit(
            batches,
            initial_epoch=epoch - 1,
            epochs=epoch,
            verbose=0,
            callbacks=[keras.callbacks.TerminateOnNaN()],
        )
        metrics = {f"train_{name}": float(values[-1]) for name, values in history.history.items()}
        metrics["train_seconds"] = time.perf_counter() - started
        report = Report(epoch, metrics, time.time())
        if stopping.not_finite(report, self._job.metric):
            return report  # nothing that validation could say would matter any more
        return self._validated(trial, report)

    def _validated(self, trial: _RunningTrial, report: Report) -> Report:
        started = time.perf_counter()
        batches = dataset(self._readers["valid"], trial.reading, training=False, seed=0, epoch=0)
        results = trial.model.evaluate(batches, verbose=0, return_dict=True)
        metrics = dict(report.metrics) | {f"valid_{name}": float(value) for name, value in results.items()}
        metrics["valid_seconds"] = time.perf_counter() - started
        return Report(report.epoch, metrics, time.time())

    def _save_checkpoint(self, trial: _RunningTrial) -> None:
        task, epoch = trial.task, trial.reports[-1].epoch
        state = TrialState(
            number=task.number, epoch=epoch, reports=tuple(trial.reports), point=task.point, seed=task.seed
        )
        checkpoints.save(self._storage, trial.paths, trial.model, state)
        values = [report.metrics.get(self._job.metric, float("nan")) for report in trial.reports]
        best = stopping.best_so_far(values, self._job.direction)
        best_epoch = trial.reports[best[1]].epoch if best else epoch
        checkpoints.tidy(self._storage, trial.paths, best_epoch=best_epoch, last_epoch=epoch)


class _RunningTrial:
    """What belongs to the trial under way, and goes with it."""

    def __init__(
        self,
        *,
        task: TrialTask,
        model: keras.Model,
        paths: TrialPaths,
        reading: Reading,
        log: ReportLog | None,
        reports: list[Report],
    ) -> None:
        self.task, self.model, self.paths, self.reading = task, model, paths, reading
        self.log, self.reports = log, reports
        self.n_returned = min(task.epochs_reported, len(reports))
        self.text = io.StringIO()
        self._handler = logging.StreamHandler(self.text)
        self._handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        logging.getLogger().addHandler(self._handler)

    def close(self) -> None:
        logging.getLogger().removeHandler(self._handler)
        if self.log:
            self.log.close()
