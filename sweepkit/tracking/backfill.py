"""Telling a store afterwards what it was not told while a sweep ran, from the sweep's journal and its spools.

Every call asks the store what it has and adds what is missing, so that doing it twice changes nothing. Unlike
`driver`, it waits for the store and says so when it does not answer. Try
`Backfill.open(uri, experiment="cells", sweep="cells", parent_run_id=None, origin="…", tags={}, params={})`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweepkit.errors import InputError
from sweepkit.storage.layout import TrialPaths
from sweepkit.storage.storage import Storage
from sweepkit.tracking import run_endings, spool
from sweepkit.tracking.connect import connect
from sweepkit.tracking.errors import ORIGIN_TAG, TRIAL_TAG, AwayError, RefusedError, StoreError
from sweepkit.tracking.pending_runs import is_pending
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
        told: what has been missing so far.
    """

    def __init__(self, store: Store, *, experiment_id: str, parent_run_id: str, told: BackfillCounts) -> None:
        self._store, self._experiment_id = store, experiment_id
        self.parent_run_id, self.told = parent_run_id, told

    @classmethod
    def open(
        cls,
        uri: str,
        *,
        experiment: str,
        sweep: str,
        parent_run_id: str | None,
        origin: str,
        tags: Mapping[str, str],
        params: Mapping[str, str],
    ) -> Backfill:
        """Find the sweep's run, or make it in a store that has none.

        Args:
            uri: the store, as `connection.located` gives it.
            experiment: by name, made if need be.
            sweep: the name of the sweep's run.
            parent_run_id: the sweep's run where it has one; another store does not know it.
            origin: tells this sweep from all others.
            tags: of the sweep's run, if it must be made.
            params: as `tags`.
        """
        store, told = connect(uri), BackfillCounts()
        facts = _known(store, parent_run_id)
        if facts and parent_run_id:
            if facts.is_deleted:
                raise RefusedError(f"the sweep's run {parent_run_id} was deleted")
            return cls(store, experiment_id=store.experiment_of(parent_run_id), parent_run_id=parent_run_id, told=told)
        experiment_id = store.experiment(experiment)
        found = store.tagged(experiment_id, ORIGIN_TAG, origin)
        if found is None:
            told.runs += 1
            all_tags = {**source_tags(), "sweepkit.sweep": sweep, **tags, ORIGIN_TAG: origin}
            found = store.create_run(experiment_id, name=sweep, tags=all_tags)
            store.record(found, params=params)
        return cls(store, experiment_id=experiment_id, parent_run_id=found, told=told)

    def trial(
        self,
        trial: Trial,
        *,
        name: str,
        tags: Mapping[str, str],
        data: Mapping[str, Any] | None,
        storage: Storage,
        paths: TrialPaths,
        ending: run_endings.Ending | None,
        ended_at: float | None,
    ) -> str | None:
        """Tell of one trial; returns its run, or None where somebody deleted that.

        Args:
            trial: what the journal has of it.
            name: of its run, if it must be made.
            tags: as `name`.
            data: the arguments of `Store.add_dataset` without the run; None when the data is gone.
            storage: where its spool is.
            paths: the trial's.
            ending: None while it has not ended.
            ended_at: when that was.
        """
        run_id = self._run_of(trial, name=name, tags=tags)
        facts = self._store.facts(run_id)
        if facts.is_deleted:
            self.told.deleted.append(trial.number)
            return None
        params = {key: str(value) for key, value in trial.params.items() if key not in facts.params}
        if params:
            self._store.record(run_id, params=params)
        if data and not facts.has_data:
            self._store.add_dataset(run_id, **data)
        self._send_reports(run_id, trial.reports, storage, paths)
        if ending:
            self._end(run_id, facts, ending, ended_at)
        return run_id

    def checkpoint(self, run_id: str, folder: Path, *, last: str) -> None:
        """Copy a checkpoint to a run's artifacts, if it is not there; `last` is the file that is written last."""
        if folder.exists() and not self._store.has_artifact(run_id, "checkpoint", last):
            self._store.upload(run_id, folder, name="checkpoint")
            self.told.checkpoints += 1

    def sweep(
        self, ending: run_endings.Ending, *, leaderboard: Mapping[str, Sequence[object]], ended_at: float | None
    ) -> None:
        """Tell how the sweep ended."""
        facts = self._store.facts(self.parent_run_id)
        is_synced = self._end(self.parent_run_id, facts, ending, ended_at)
        if leaderboard and (is_synced or not self._store.has_artifact(self.parent_run_id, "", _TABLE)):
            columns = {name: list(values) for name, values in leaderboard.items()}
            self._store.put_table(self.parent_run_id, name=_TABLE, columns=columns)

    def _run_of(self, trial: Trial, *, name: str, tags: Mapping[str, str]) -> str:
        if trial.run_id and _known(self._store, trial.run_id):
            return trial.run_id
        found = self._store.child(self._experiment_id, self.parent_run_id, trial.number)
        if found:
            return found
        self.told.runs += 1
        all_tags = {**source_tags(), **tags, "mlflow.parentRunId": self.parent_run_id, TRIAL_TAG: str(trial.number)}
        return self._store.create_run(self._experiment_id, name=name, tags=all_tags, started=trial.started)

    def _send_reports(self, run_id: str, reports: Sequence[Report], storage: Storage, paths: TrialPaths) -> None:
        """Send what waits in the spool, then what the journal has beyond that; the store may be a new one."""
        self.told.reports += spool.send(self._store, run_id, storage, paths)
        steps: dict[str, set[int]] = {}
        for report in reports:
            metric = next(iter(report.metrics), None)
            if metric is None:
                continue
            if metric not in steps:
                steps[metric] = self._store.steps(run_id, metric)
            if report.epoch not in steps[metric]:
                self._store.record(run_id, metrics=report.metrics, step=report.epoch, timestamp=report.timestamp)
                self.told.reports += 1
        spool.clear(storage, paths)  # of what was damaged

    def _end(self, run_id: str, facts: RunInfo, ending: run_endings.Ending, at: float | None) -> bool:
        """Write an ending down unless it is there; tell whether it was missing."""
        lacks = facts.lacks(tags=ending.tags, metrics=ending.metrics)
        if lacks:
            self._store.record(run_id, metrics=ending.metrics, timestamp=at or 0.0, tags=ending.tags)
        if facts.status != ending.status:
            self._store.end(run_id, ending.status, at=at)
        elif not lacks:
            return False
        self.told.endings += 1
        return True


def in_users_words(error: StoreError, uri: str) -> InputError:
    """Return what to tell a user whose store does not take it."""
    what = "cannot be reached" if isinstance(error, AwayError) else "refuses it"
    return InputError(
        f"tracking store {shown(uri)!r} {what}: {error}; nothing is lost: the journal and the spools keep what it has "
        "not been told, and the same command goes on when it answers; --tracking-uri names another store"
    )


def _known(store: Store, run_id: str | None) -> RunInfo | None:
    """Return what a store knows of a run; None if it does not know it."""
    if run_id is None or is_pending(run_id):
        return None
    try:
        return store.facts(run_id)
    except RefusedError:
        return None
