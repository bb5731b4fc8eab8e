"""Upload to a store afterwards what could not be logged while a sweep ran, from the sweep's journal and its spools.

Every call reads what the store has and adds what is missing, so that doing it twice changes nothing. Unlike
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
from sweepkit.tracking import spool
from sweepkit.tracking.connect import connect
from sweepkit.tracking.errors import ORIGIN_TAG, TRIAL_TAG, AwayError, RefusedError, StoreError
from sweepkit.tracking.pending_runs import is_pending
from sweepkit.tracking.run_endings import Leaderboard, RunEnding
from sweepkit.tracking.run_metadata import PARENT_TAG, RunMetadata, SplitInput, run_name
from sweepkit.tracking.sweep_logger import source_tags
from sweepkit.tracking.uris import shown
from sweepkit.trial.trial import Report, Trial

if TYPE_CHECKING:
    from sweepkit.tracking.runs import RunInfo, Store

_TABLE = "leaderboard.json"


@dataclass
class BackfillCounts:
    """What was missing and is there now.

    Attributes:
        runs: that were made, the sweep's own included.
        reports: epochs.
        endings: of runs.
        checkpoints: that were copied.
        deleted: runs that somebody deleted in the store, by trial; these stay as they are.
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
        counts: what has been missing so far.
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
            run_id: the sweep's run where it has one; another store does not know it.
        """
        store, counts = connect(uri), BackfillCounts()
        run = _known(store, run_id)
        if run and run_id:
            if run.is_deleted:
                raise RefusedError(f"the sweep's run {run_id} was deleted")
            return cls(store, metadata, experiment_id=store.experiment_of(run_id), parent_run_id=run_id, counts=counts)
        experiment_id = store.experiment(metadata.experiment)
        found_id = store.tagged(experiment_id, ORIGIN_TAG, metadata.origin)
        if found_id is None:
            counts.runs += 1
            tags = {**source_tags(), **metadata.sweep_tags, ORIGIN_TAG: metadata.origin}
            found_id = store.create_run(experiment_id, name=metadata.title, tags=tags)
            store.record(found_id, params=metadata.params)
        return cls(store, metadata, experiment_id=experiment_id, parent_run_id=found_id, counts=counts)

    def trial(
        self, trial: Trial, folder: TrialFolder, *, split: SplitInput | None, ending: RunEnding | None
    ) -> str | None:
        """Upload what is missing of one trial; returns its run, or None where that was deleted in the store.

        Args:
            trial: as the journal has it.
            folder: where its spool is.
            split: the data that it trained on; None when the data is gone.
            ending: None while it has not ended.
        """
        run_id = self._run_of(trial)
        run = self._store.facts(run_id)
        if run.is_deleted:
            self.counts.deleted.append(trial.number)
            return None
        params = {key: str(value) for key, value in trial.params.items() if key not in run.params}
        if params:
            self._store.record(run_id, params=params)
        if split and not run.has_data:
            self._store.add_dataset(run_id, split)
        self._send_reports(run_id, trial.reports, folder)
        if ending:
            self._end(run_id, run, ending)
        return run_id

    def checkpoint(self, run_id: str, folder: Path, *, last: str) -> None:
        """Copy a checkpoint to a run's artifacts, if it is not there; `last` is the file that is written last."""
        if folder.exists() and not self._store.has_artifact(run_id, "checkpoint", last):
            self._store.upload(run_id, folder, name="checkpoint")
            self.counts.checkpoints += 1

    def sweep(self, ending: RunEnding, leaderboard: Leaderboard) -> None:
        """Upload how the sweep ended."""
        run = self._store.facts(self.parent_run_id)
        was_missing = self._end(self.parent_run_id, run, ending)
        if leaderboard and (was_missing or not self._store.has_artifact(self.parent_run_id, "", _TABLE)):
            columns = {name: list(values) for name, values in leaderboard.items()}
            self._store.put_table(self.parent_run_id, name=_TABLE, columns=columns)

    def _run_of(self, trial: Trial) -> str:
        if trial.run_id and _known(self._store, trial.run_id):
            return trial.run_id
        run_id = self._store.child(self._experiment_id, self.parent_run_id, trial.number)
        if run_id:
            return run_id
        self.counts.runs += 1
        tags = {
            **source_tags(),
            **self._metadata.tags,
            PARENT_TAG: self.parent_run_id,
            TRIAL_TAG: str(trial.number),
        }
        return self._store.create_run(self._experiment_id, name=run_name(trial), tags=tags, started=trial.started)

    def _send_reports(self, run_id: str, reports: Sequence[Report], folder: TrialFolder) -> None:
        """Send what waits in the spool, then what the journal has beyond that; the store may be a new one."""
        self.counts.reports += spool.send(self._store, run_id, folder)
        steps: dict[str, set[int]] = {}
        for report in reports:
            metric = next(iter(report.metrics), None)
            if metric is None:
                continue
            if metric not in steps:
                steps[metric] = self._store.steps(run_id, metric)
            if report.epoch not in steps[metric]:
                self._store.record(run_id, metrics=report.metrics, step=report.epoch, timestamp=report.timestamp)
                self.counts.reports += 1
        spool.clear(folder)  # of what was damaged

    def _end(self, run_id: str, run: RunInfo, ending: RunEnding) -> bool:
        """Log an ending unless it is there; tell whether it was missing."""
        lacks = run.lacks(tags=ending.tags, metrics=ending.metrics)
        if lacks:
            self._store.record(run_id, metrics=ending.metrics, timestamp=ending.at or 0.0, tags=ending.tags)
        if run.status != ending.status:
            self._store.end(run_id, ending.status, at=ending.at)
        elif not lacks:
            return False
        self.counts.endings += 1
        return True


def in_users_words(error: StoreError, uri: str) -> InputError:
    """Return what to tell a user whose store does not take it."""
    what = "cannot be reached" if isinstance(error, AwayError) else "rejected the update"
    return InputError(
        f"tracking store {shown(uri)!r} {what}: {error}; nothing is lost. Run this command again when the server "
        "answers, or choose another store with --tracking-uri"
    )


def _known(store: Store, run_id: str | None) -> RunInfo | None:
    """Return what a store knows of a run; None if it does not know it."""
    if run_id is None or is_pending(run_id):
        return None
    try:
        return store.facts(run_id)
    except RefusedError:
        return None
