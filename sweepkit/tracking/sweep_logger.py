"""What the driver logs to the tracking store: a run for the sweep, one below it for each trial, and how each ended.

Nothing here waits for the store but `SweepLogger.open`; all else goes through one background thread, in order. While
the store is unreachable or slow, a trial starts with a pending run id, which stands for its run until there is one.
Try `SweepLogger.open(None, RunMetadata.of(folder, folder.manifest()))`.
"""

from __future__ import annotations

import getpass
import logging
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from sweepkit.errors import InputError
from sweepkit.storage.sweep_folder import TrialFolder
from sweepkit.tracking import spool
from sweepkit.tracking.connect import connect
from sweepkit.tracking.errors import ORIGIN_TAG, REMEDY, TRIAL_TAG, AwayError, RefusedError, StoreError
from sweepkit.tracking.pending_runs import PendingRuns, is_pending
from sweepkit.tracking.queue import Background
from sweepkit.tracking.run_endings import Leaderboard, RunEnding
from sweepkit.tracking.run_metadata import PARENT_TAG, RunMetadata, SplitInput, run_name
from sweepkit.tracking.uris import is_file, located, shown
from sweepkit.trial.trial import Trial

if TYPE_CHECKING:
    from sweepkit.tracking.runs import Store

logger = logging.getLogger(__name__)

_SOURCE_TAGS = {"mlflow.source.name": "sweepkit", "mlflow.source.type": "LOCAL"}


class SweepLogger:
    """The runs of one sweep. Made by `open`; its methods are for one thread, the driver's.

    Attributes:
        uri: the store, as a worker on this machine may open it.
        parent_run_id: the sweep's own run.
        remedy: what to do when the store has not been told all in the end; for a message.
        is_behind: whether the store may not know all of the sweep's earlier runs.
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
        self._background = Background(
            f"tracking store {shown(store.uri)}",
            retry_s=retry_s,
            # what it has already, said again
            probe=lambda: store.record(parent_run_id, tags={"mlflow.source.name": "sweepkit"}),
        )
        self._pending = PendingRuns(store.uri, self._background)

    @property
    def experiment_id(self) -> str:
        """MLflow's id of the experiment; asks the store where it was away until now."""
        if self._experiment_id is None:
            self._experiment_id = self._store.experiment_of(self.parent_run_id)
        return self._experiment_id

    @classmethod
    def open(cls, uri: str | None, metadata: RunMetadata, *, run_id: str | None = None) -> SweepLogger:
        """Open the store and the sweep's run; may be called in any thread.

        A sweep that goes on needs no store for that: everything is logged once the store is reachable.

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
            if run_id is None:
                run_id = _found_or_made(store, experiment_id, metadata)
            else:
                _go_on(store, run_id, metadata.title)
            _describe(store, run_id, metadata)
        except StoreError as error:
            if isinstance(error, AwayError) and run_id is not None and not is_file(uri):
                return cls._open_later(store, run_id, metadata)
            what = "cannot be reached" if isinstance(error, AwayError) else "cannot be used"
            raise InputError(f"tracking store {shown(uri)!r} {what}: {error}; {REMEDY}") from error
        return cls(store, experiment_id=experiment_id, parent_run_id=run_id)

    @classmethod
    def _open_later(cls, store: Store, run_id: str, metadata: RunMetadata) -> SweepLogger:
        sweep_logger = cls(store, experiment_id=None, parent_run_id=run_id)
        sweep_logger._log(run_id, store.reopen)
        sweep_logger._log(run_id, lambda real: _describe(store, real, metadata))
        return sweep_logger

    def log_dataset(self, run_id: str, split: SplitInput) -> None:
        """Record which data a run reads."""
        self._log(run_id, lambda real: self._store.add_dataset(real, split))

    def start_trial(self, trial: Trial, *, tags: Mapping[str, str] | None = None, may_exist: bool = False) -> str:
        """Return the id of a trial's run: the one that it has, to go on with, otherwise of a new one.

        It is a pending id while the store is unreachable; every method takes that too.

        Args:
            trial: as it was handed out.
            tags: of a new run.
            may_exist: for a trial whose driver may have died when it had made a run and not written its id down: the
                run is looked for first.
        """
        params, run_id = {name: str(value) for name, value in trial.params.items()}, trial.run_id
        if run_id is not None and not is_pending(run_id):
            self._log(run_id, self._store.reopen)
        else:
            run_id = self._make_run(trial, tags or {}, may_exist=may_exist or run_id is not None)
        self._log(run_id, lambda real: self._store.record(real, params=params))
        return run_id

    def collect(self, run_id: str, folder: TrialFolder, *, has_ended: bool = False) -> None:
        """Send what a trial's worker cannot send itself; call it after each report, and when the trial has ended.

        A worker does it itself where the store is a server, unless it dies or the store was unreachable; then what has
        piled up is sent from here as soon as the store answers.
        """
        is_ours = has_ended or is_file(self.uri) or is_pending(run_id)

        def send(real: str) -> None:
            if is_ours or spool.is_behind(folder):
                spool.send(self._store, real, folder)

        self._log(run_id, send)

    def end_trial(self, run_id: str, ending: RunEnding) -> None:
        """End a trial's run."""
        self._end(run_id, ending)

    def log_checkpoint(self, run_id: str, local_folder: Path, *, name: str = "checkpoint") -> None:
        """Copy a folder to a run's artifacts; it must stay until `flush` or `close` has returned."""
        self._log(run_id, lambda real: self._store.upload(real, local_folder, name=name))

    def finish(self, ending: RunEnding, leaderboard: Leaderboard) -> None:
        """End the sweep's run; the leaderboard becomes the artifact leaderboard.json."""
        if leaderboard:
            columns = {name: list(values) for name, values in leaderboard.items()}
            self._log(
                self.parent_run_id, lambda real: self._store.put_table(real, name="leaderboard.json", columns=columns)
            )
        self._end(self.parent_run_id, ending)

    def flush(self, timeout_s: float = 30.0) -> bool:
        """Wait until the store has been told all; False when the time is up or the store is away."""
        return self._background.flush(timeout_s)

    def close(self, timeout_s: float = 30.0) -> bool:
        """Tell the store what is left and stop; False, with a warning that says what to do, when that is impossible."""
        n_left = self._background.close(timeout_s) + self._background.n_lost
        if n_left:
            logger.warning(
                "tracking store %s has not been told everything; nothing is lost%s",
                shown(self.uri),
                self.remedy and f", and {self.remedy}",
            )
        return n_left == 0

    def _make_run(self, trial: Trial, tags: Mapping[str, str], *, may_exist: bool) -> str:
        all_tags = {PARENT_TAG: self.parent_run_id, TRIAL_TAG: str(trial.number), **source_tags(), **tags}

        def create(may_exist: bool) -> str:
            run_id = self._store.child(self.experiment_id, self.parent_run_id, trial.number) if may_exist else None
            return run_id or self._store.create_run(self.experiment_id, name=run_name(trial), tags=all_tags)

        return self._pending.make(trial.number, create, may_exist=may_exist)

    def _end(self, run_id: str, ending: RunEnding) -> None:
        at = time.time() if ending.at is None else ending.at
        self._log(run_id, lambda real: self._store.record(real, metrics=ending.metrics, timestamp=at, tags=ending.tags))
        self._log(run_id, lambda real: self._store.end(real, ending.status, at=at))

    def _log(self, run_id: str, call: Callable[[str], object]) -> None:
        """Make a call in the background, with the real id of a run that may be pending."""
        self._background.put(lambda: call(self._pending.real(run_id)))


def _found_or_made(store: Store, experiment_id: str, metadata: RunMetadata) -> str:
    run_id = store.tagged(experiment_id, ORIGIN_TAG, metadata.origin) if metadata.origin else None
    if run_id:
        store.reopen(run_id)
        return run_id
    own = {ORIGIN_TAG: metadata.origin} if metadata.origin else {}
    return store.create_run(experiment_id, name=metadata.title, tags={**source_tags(), **own})


def _go_on(store: Store, run_id: str, title: str) -> None:
    try:
        store.reopen(run_id)
    except RefusedError as error:
        raise InputError(
            f"tracking store {shown(store.uri)!r} does not have the run of sweep {title!r}, {run_id}: {error}; "
            "set tracking.uri to the store that the sweep was started with, or start it anew with --new"
        ) from error


def _describe(store: Store, run_id: str, metadata: RunMetadata) -> None:
    """Set tags and params of the sweep's run; a param that it has already stays as it is."""
    logged = store.params(run_id)
    new = {name: value for name, value in metadata.params.items() if name not in logged}
    store.record(run_id, params=new, tags=metadata.sweep_tags)


def source_tags() -> dict[str, str]:
    """Return what MLflow shows as the source and the user of a run."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user need not have a name
        return _SOURCE_TAGS
    return _SOURCE_TAGS | {"mlflow.user": user}
