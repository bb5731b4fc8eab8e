"""What the driver logs to the tracking store: a run for the sweep, one below it for each trial, and how each ended.

Only `SweepLogger.open` waits for the store; everything else goes through one background thread, in order. While the
store is unreachable or slow, a trial starts with a pending run id, which stands for its run until there is one.
Try `SweepLogger.open(None, RunMetadata.of(folder, folder.manifest()))`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from sweepkit.errors import InputError
from sweepkit.storage.sweep_folder import TrialFolder
from sweepkit.tracking import spool, sweep_run
from sweepkit.tracking.connect import connect
from sweepkit.tracking.errors import REMEDY, StoreError, UnreachableError
from sweepkit.tracking.pending_runs import PendingRuns, is_pending
from sweepkit.tracking.queue import CallQueue
from sweepkit.tracking.run_endings import LEADERBOARD, Columns, RunEnding
from sweepkit.tracking.run_metadata import RunMetadata, SplitInput, run_name, trial_tags
from sweepkit.tracking.uris import is_file, located, shown
from sweepkit.trial.trial import Trial

if TYPE_CHECKING:
    from sweepkit.tracking.runs import Store

logger = logging.getLogger(__name__)


class SweepLogger:
    """The runs of one sweep. Made by `open`; its methods are for one thread, the driver's.

    Attributes:
        uri: the store, as a worker on this machine may open it.
        parent_run_id: the sweep's own run.
        remedy: what to do when not everything could be uploaded in the end; part of a message.
        is_behind: whether runs of earlier trials may be missing from the store, or have no ending there.
    """

    def __init__(
        self,
        store: Store,
        *,
        experiment_id: str | None,
        parent_run_id: str,
        retry_s: float = 5.0,
    ) -> None:
        self.uri, self.parent_run_id, self.remedy, self.is_behind = store.uri, parent_run_id, "", False
        self._store, self._experiment_id = store, experiment_id
        self._queue = CallQueue(
            f"tracking store {shown(store.uri)}",
            retry_s=retry_s,
            # a tag that the run has already: nothing changes, and a healthy store accepts it
            probe=lambda: store.describe(parent_run_id, tags={"mlflow.source.name": "sweepkit"}),
        )
        self._pending = PendingRuns(store.uri, self._queue)

    @classmethod
    def open(cls, uri: str | None, metadata: RunMetadata, *, run_id: str | None = None) -> SweepLogger:
        """Open the store and the sweep's run; may be called in any thread.

        A continued sweep needs no store for that: everything is logged once the store is reachable.

        Args:
            uri: the store; None means MLFLOW_TRACKING_URI or, without that, mlflow.db in the working directory.
            metadata: what the sweep's run carries; a param that the run has already stays as it is.
            run_id: the sweep's run where it has one, to go on with it.

        Raises:
            InputError: the store or the experiment cannot be used, or does not have the run.
        """
        uri = located(uri)
        try:
            store = connect(uri)
            experiment_id = store.experiment(metadata.experiment)
            if run_id is not None:
                sweep_run.reopen(store, run_id, metadata.title)
            else:
                run_id, is_new = sweep_run.find_or_create(store, experiment_id, metadata)
                if not is_new:
                    store.reopen(run_id)
            sweep_run.describe(store, run_id, metadata)
        except StoreError as error:
            # a store that is a file is not down for a while: its problem is the user's to solve
            if isinstance(error, UnreachableError) and run_id is not None and not is_file(uri):
                return cls._open_later(store, run_id, metadata)
            what = "cannot be reached" if isinstance(error, UnreachableError) else "cannot be used"
            raise InputError(f"tracking store {shown(uri)!r} {what}: {error}; {REMEDY}") from error
        return cls(store, experiment_id=experiment_id, parent_run_id=run_id)

    @classmethod
    def _open_later(cls, store: Store, run_id: str, metadata: RunMetadata) -> SweepLogger:
        sweep_logger = cls(store, experiment_id=None, parent_run_id=run_id)
        sweep_logger._log(run_id, store.reopen)
        sweep_logger._log(run_id, lambda real: sweep_run.describe(store, real, metadata))
        return sweep_logger

    @property
    def experiment_id(self) -> str:
        """MLflow's id of the experiment; a request where the store was unreachable until now."""
        if self._experiment_id is None:
            self._experiment_id = self._store.experiment_of(self.parent_run_id)
        return self._experiment_id

    def log_dataset(self, run_id: str, split: SplitInput) -> None:
        """Record which data a run reads."""
        self._log(run_id, lambda real: self._store.add_dataset(real, split))

    def start_trial(self, trial: Trial, *, tags: Mapping[str, str] | None = None, may_exist: bool = False) -> str:
        """Return the id of a trial's run: the one that it has, to go on with, otherwise of a new one.

        It is a pending id while the store is unreachable; every method accepts that too.

        Args:
            trial: as it was handed out.
            tags: of a new run.
            may_exist: for a trial whose driver may have died after it had made a run and before it had written the id
                down: the run is looked for first.
        """
        params, run_id = {name: str(value) for name, value in trial.params.items()}, trial.run_id
        if run_id is not None and not is_pending(run_id):
            self._log(run_id, self._store.reopen)
        else:
            # a pending id in the journal is of an earlier driver, which may have made the run after writing it
            run_id = self._make_run(trial, tags or {}, may_exist=may_exist or run_id is not None)
        self._log(run_id, lambda real: self._store.describe(real, params=params))
        return run_id

    def collect(self, run_id: str, folder: TrialFolder, *, has_ended: bool = False) -> None:
        """Send what a trial's worker cannot send itself; call it after each report, and when the trial has ended.

        Where the store is a server, a worker sends its reports itself, unless it dies or the store is unreachable;
        what has piled up by then is sent from here as soon as the store answers.
        """
        is_ours = has_ended or is_file(self.uri) or is_pending(run_id)

        def send(real: str) -> None:
            # looked at here, in the background: listing a bucket takes time too
            if is_ours or spool.is_behind(folder):
                spool.send(self._store, real, folder)

        self._log(run_id, send)

    def end_trial(self, run_id: str, ending: RunEnding) -> None:
        """End a trial's run."""
        self._end(run_id, ending)

    def log_checkpoint(self, run_id: str, local_folder: Path, *, name: str = "checkpoint") -> None:
        """Copy a folder to a run's artifacts; it must stay until `flush` or `close` has returned."""
        self._log(run_id, lambda real: self._store.upload(real, local_folder, name=name))

    def finish(self, ending: RunEnding, leaderboard: Columns) -> None:
        """End the sweep's run; the leaderboard becomes the artifact leaderboard.json."""
        if leaderboard:
            self._log(
                self.parent_run_id, lambda real: self._store.put_table(real, name=LEADERBOARD, columns=leaderboard)
            )
        self._end(self.parent_run_id, ending)

    def flush(self, timeout_s: float = 30.0) -> bool:
        """Wait until everything is uploaded; False when the time is up or the store is unreachable."""
        return self._queue.flush(timeout_s)

    def close(self, timeout_s: float = 30.0) -> bool:
        """Upload what is left and stop; False, with a warning that names the remedy, when something is missing."""
        # a call that was given up is missing too, though the queue no longer has it
        n_missing = self._queue.close(timeout_s) + self._queue.n_lost
        if n_missing:
            logger.warning(
                "tracking store %s is missing a part of this sweep; nothing is lost%s",
                shown(self.uri),
                self.remedy and f", and {self.remedy}",
            )
        return n_missing == 0

    def _make_run(self, trial: Trial, tags: Mapping[str, str], *, may_exist: bool) -> str:
        all_tags = trial_tags(trial.number, parent_run_id=self.parent_run_id, tags=tags)

        def create(may_exist: bool) -> str:
            run_id = self._store.child(self.experiment_id, self.parent_run_id, trial.number) if may_exist else None
            return run_id or self._store.create_run(self.experiment_id, name=run_name(trial), tags=all_tags)

        return self._pending.make(trial.number, create, may_exist=may_exist)

    def _end(self, run_id: str, ending: RunEnding) -> None:
        # now, not when the store answers, which may be hours later
        at = time.time() if ending.at is None else ending.at
        self._log(run_id, lambda real: self._store.log_metrics(real, ending.metrics, timestamp=at, tags=ending.tags))
        self._log(run_id, lambda real: self._store.end(real, ending.status, at=at))

    def _log(self, run_id: str, call: Callable[[str], object]) -> None:
        """Make a call in the background, with the real id of a run that may be pending."""
        self._queue.put(lambda: call(self._pending.real(run_id)))
