"""Upload afterwards what could not be logged while a sweep ran, from the sweep's journal and its spools.

Every method compares with what the store has and adds what is missing, so that uploading twice changes nothing. Unlike
`sweep_logger`, it waits for the store, and raises when the store is unreachable. Try
`Backfill.open(uri, RunMetadata.of(folder, folder.manifest()), run_id=None)`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from sweepkit.errors import InputError
from sweepkit.storage.sweep_folder import TrialFolder
from sweepkit.tracking import spool, sweep_run
from sweepkit.tracking.connect import connect
from sweepkit.tracking.errors import RefusedError, StoreError, UnreachableError
from sweepkit.tracking.pending_runs import is_pending
from sweepkit.tracking.run_endings import LEADERBOARD, Columns, RunEnding
from sweepkit.tracking.run_metadata import RunMetadata, SplitInput, run_name, trial_tags
from sweepkit.tracking.uris import shown
from sweepkit.trial.trial import Report, Trial

if TYPE_CHECKING:
    from sweepkit.tracking.runs import RunInfo, Store


@dataclass
class BackfillCounts:
    """How much was missing and has been uploaded.

    Attributes:
        runs: new runs, the sweep's own included.
        reports: epochs.
        endings: of runs.
        checkpoints: copied to artifacts.
        deleted: trials whose runs were deleted in the store; these stay deleted.
    """

    runs: int = 0
    reports: int = 0
    endings: int = 0
    checkpoints: int = 0
    deleted: list[int] = field(default_factory=list)


class Backfill:
    """One sweep's runs in one store; every method may raise StoreError.

    Attributes:
        parent_run_id: the sweep's own run.
        counts: what has been uploaded so far.
    """

    def __init__(
        self, store: Store, metadata: RunMetadata, *, experiment_id: str, parent_run_id: str, counts: BackfillCounts
    ) -> None:
        self._store, self._metadata, self._experiment_id = store, metadata, experiment_id
        self.parent_run_id, self.counts = parent_run_id, counts

    @classmethod
    def open(cls, uri: str, metadata: RunMetadata, *, run_id: str | None) -> Backfill:
        """Find the sweep's run, or make it in a store that has none.

        Args:
            uri: the store, as `uris.located` gives it.
            metadata: what the sweep's run carries, if it must be made.
            run_id: the sweep's run where it has one; it is not in another store than the sweep's own.
        """
        store, counts = connect(uri), BackfillCounts()
        run = _run_info(store, run_id)
        if run and run_id:
            # a new one would leave the children of the deleted run without a parent
            if run.is_deleted:
                raise RefusedError(f"the sweep's run {run_id} was deleted")
            # the experiment of the run, which may have another name by now than the settings give
            return cls(store, metadata, experiment_id=store.experiment_of(run_id), parent_run_id=run_id, counts=counts)
        experiment_id = store.experiment(metadata.experiment)
        run_id, is_new = sweep_run.find_or_create(store, experiment_id, metadata)
        if is_new:
            counts.runs += 1
            store.describe(run_id, params=metadata.params)
        return cls(store, metadata, experiment_id=experiment_id, parent_run_id=run_id, counts=counts)

    def trial(
        self, trial: Trial, folder: TrialFolder, *, split: SplitInput | None, ending: RunEnding | None
    ) -> str | None:
        """Upload what is missing of one trial; return its run, or None where that was deleted in the store.

        Args:
            trial: as the journal has it.
            folder: with its spool.
            split: the data that it trained on; None when the data is gone.
            ending: None while it has not ended.
        """
        run_id = self._run_of(trial)
        run = self._store.info(run_id)
        if run.is_deleted:  # on purpose, so it is not uploaded again
            self.counts.deleted.append(trial.number)
            return None
        params = {key: str(value) for key, value in trial.params.items() if key not in run.params}
        if params:
            self._store.describe(run_id, params=params)
        if split and not run.has_data:
            self._store.add_dataset(run_id, split)
        self._send_reports(run_id, trial.reports, folder)
        if ending:
            self._end(run_id, run, ending)
        return run_id

    def checkpoint(self, run_id: str, folder: Path, *, last: str) -> None:
        """Copy a checkpoint to a run's artifacts, unless it is there; `last` is the file that is written last."""
        # an upload that was cut short lacks that file, and is repeated
        if folder.exists() and not self._store.has_artifact(run_id, "checkpoint", last):
            self._store.upload(run_id, folder, name="checkpoint")
            self.counts.checkpoints += 1

    def sweep(self, ending: RunEnding, leaderboard: Columns) -> None:
        """Upload how the sweep ended."""
        run = self._store.info(self.parent_run_id)
        was_missing = self._end(self.parent_run_id, run, ending)
        # a table beside another ending is of an earlier end of the sweep, which went on since
        if leaderboard and (was_missing or not self._store.has_artifact(self.parent_run_id, "", LEADERBOARD)):
            self._store.put_table(self.parent_run_id, name=LEADERBOARD, columns=leaderboard)

    def _run_of(self, trial: Trial) -> str:
        if trial.run_id and _run_info(self._store, trial.run_id):
            return trial.run_id
        # pending in the journal, or in another store: by parent and number then
        run_id = self._store.child(self._experiment_id, self.parent_run_id, trial.number)
        if run_id:
            return run_id
        self.counts.runs += 1
        tags = trial_tags(trial.number, parent_run_id=self.parent_run_id, tags=self._metadata.tags)
        return self._store.create_run(self._experiment_id, name=run_name(trial), tags=tags, started=trial.started)

    def _send_reports(self, run_id: str, reports: Sequence[Report], folder: TrialFolder) -> None:
        """Send what waits in the spool, then what the journal has beyond that."""
        # the spool first: its files have tags of the worker's host, which the journal has not
        self.counts.reports += spool.send(self._store, run_id, folder)
        steps: dict[str, set[int]] = {}
        for report in reports:
            # one metric stands for the report: all of them arrive in one request
            metric = next(iter(report.metrics), None)
            if metric is None:
                continue
            if metric not in steps:
                steps[metric] = self._store.steps(run_id, metric)
            if report.epoch not in steps[metric]:
                self._store.log_metrics(run_id, report.metrics, step=report.epoch, timestamp=report.timestamp)
                self.counts.reports += 1
        spool.clear(folder)  # of damaged files, whose reports came from the journal

    def _end(self, run_id: str, run: RunInfo, ending: RunEnding) -> bool:
        """Log an ending unless it is there; return whether it was missing."""
        lacks = run.lacks(tags=ending.tags, metrics=ending.metrics)
        if lacks:
            # a fixed time where none was recorded: with the present one, a retry would add a second entry
            self._store.log_metrics(run_id, ending.metrics, timestamp=ending.at or 0.0, tags=ending.tags)
        # only then: MLflow would set another end time
        if run.status != ending.status:
            self._store.end(run_id, ending.status, at=ending.at)
        elif not lacks:
            return False
        self.counts.endings += 1
        return True


def in_users_words(error: StoreError, uri: str) -> InputError:
    """Return the message for a user whose store is unreachable or refused the upload."""
    what = "cannot be reached" if isinstance(error, UnreachableError) else "rejected the update"
    return InputError(
        f"tracking store {shown(uri)!r} {what}: {error}; nothing is lost. Run this command again when the server "
        "answers, or choose another store with --tracking-uri"
    )


def _run_info(store: Store, run_id: str | None) -> RunInfo | None:
    """Return a run as the store has it; None if it does not have it."""
    if run_id is None or is_pending(run_id):
        return None
    try:
        return store.info(run_id)
    except RefusedError:
        return None
