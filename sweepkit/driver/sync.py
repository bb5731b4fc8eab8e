"""Bringing a tracking store up to a sweep: whatever it was not told while it was away, it is told from the journal.

The store ends as if it had never been away, and a store that never saw the sweep gets all of it. Of the sweep nothing
is changed but spools that are no longer needed and what its manifest says of the store.
Try `sync(Path("sweeps/cells.yaml")).told.reports`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sweepkit.config.schema import SweepConfig
from sweepkit.data.manifest import parse_manifest
from sweepkit.driver.tracking import dataset_facts, fault_tags, note_synced, origin_of, results, run_name
from sweepkit.errors import DataError, InputError
from sweepkit.results.final_result import FinalResult
from sweepkit.results.sweep import load_sweep, read_final
from sweepkit.storage.layout import DataPaths, SweepPaths
from sweepkit.storage.manifest import amend
from sweepkit.storage.storage import Storage
from sweepkit.study.journal import Journal
from sweepkit.study.journal_file import open_journal
from sweepkit.tracking import run_endings
from sweepkit.tracking.backfill import Backfill, BackfillCounts, in_users_words
from sweepkit.tracking.errors import StoreError
from sweepkit.tracking.registry import register
from sweepkit.tracking.uris import exists, is_file, located, shown
from sweepkit.trial.leaderboard import ranked
from sweepkit.trial.trial import Direction, Trial, TrialState

_STATE = "state.json"  # of a checkpoint, written last


@dataclass(frozen=True)
class Synced:
    """One sweep, or its final stage, that a store knows all of now.

    Attributes:
        sweep: its name in the storage.
        n_trials: how many there are.
        told: what was missing.
        registered: the model that was put into the registry now, if one was missing there.
    """

    sweep: str
    n_trials: int
    told: BackfillCounts
    registered: str | None = None


@dataclass(frozen=True)
class _Sweep:
    """What the folder of a sweep or of its final stage says; `facts` is the manifest that has code and versions."""

    storage: Storage
    paths: SweepPaths
    manifest: Mapping[str, Any]  # JSON
    facts: Mapping[str, Any]  # JSON
    config: SweepConfig
    trials: list[Trial]


def sync(
    target: Path, *, sets: Sequence[str] = (), data: str | None = None, tracking_uri: str | None = None
) -> tuple[str, list[Synced]]:
    """Tell a store all that it lacks of a sweep and of its final stage; returns the store's address and what it was.

    Args:
        target: the sweep's YAML or its folder.
        sets: overrides of the YAML.
        data: as `--data` gives it.
        tracking_uri: another store than the sweep's own.

    Raises:
        InputError: there is no such sweep, it has no store, or the store cannot be reached.
    """
    snapshot = load_sweep(target, sets, data)
    found = sync_sweep(snapshot.storage, snapshot.paths, tracking_uri=tracking_uri)
    if tracking_uri is None and snapshot.running() is None:
        note_synced(snapshot.storage, snapshot.paths)
    return found


def sync_sweep(storage: Storage, paths: SweepPaths, *, tracking_uri: str | None = None) -> tuple[str, list[Synced]]:
    """Do what `sync` does with a sweep of a storage."""
    sweep, is_own = _read(storage, paths), tracking_uri is None
    uri = _store_of(sweep, tracking_uri)
    try:
        parent, done = _tell(sweep, uri, parent=None, is_own=is_own)
        found = [done]
        if storage.exists(paths.final.manifest):
            final = _read(storage, paths.final, facts=sweep.manifest)
            found.append(_tell(final, uri, parent=parent, is_own=is_own, result=read_final(storage, paths))[1])
    except StoreError as error:
        raise in_users_words(error, uri) from error
    return shown(uri), found


def _read(storage: Storage, paths: SweepPaths, *, facts: Mapping[str, Any] | None = None) -> _Sweep:  # JSON
    manifest = storage.read_json(paths.manifest)
    # the name of a final stage has a slash, which nobody may write into a YAML
    name = {"sweep": paths.sweep.partition("/")[0]}
    config = SweepConfig.model_validate(manifest["spec"] | name).model_copy(update={"sweep": paths.sweep})
    trials: list[Trial] = []
    if storage.exists(paths.journal):
        with open_journal(storage, paths, read_only=True) as journal:
            trials = Journal.read(journal, config).trials()
    return _Sweep(storage, paths, manifest, facts or manifest, config, trials)


def _store_of(sweep: _Sweep, tracking_uri: str | None) -> str:
    """Return the store that is meant: the one on the command line, else the one that the sweep was told to use."""
    if tracking_uri:
        return located(tracking_uri)
    if not sweep.config.tracking.enabled:
        where = f"{sweep.storage.shown}/{sweep.paths.root}"
        raise InputError(
            "this sweep ran without a tracking store (tracking.enabled: false); --tracking-uri names one to tell it to",
            where=where,
        )
    uri, used = located(sweep.config.tracking.uri), sweep.manifest.get("tracking_uri")
    if used and shown(uri) != used and sweep.config.tracking.uri is None:
        uri = used  # the sweep ran in another folder or with another environment
    if is_file(uri) and not exists(uri):
        raise InputError(f"there is no tracking store {shown(uri)!r}; name the right one with --tracking-uri")
    return uri


def _tell(
    sweep: _Sweep, uri: str, *, parent: str | None, is_own: bool, result: FinalResult | None = None
) -> tuple[str, Synced]:
    config, paths, storage = sweep.config, sweep.paths, sweep.storage
    tags = _tags(sweep.facts)
    catching_up = Backfill.open(
        uri,
        experiment=config.tracking.experiment or config.sweep,
        sweep=config.sweep,
        parent_run_id=sweep.manifest.get("parent_run_id"),
        origin=origin_of(config.sweep, storage),
        tags=tags | ({"mlflow.parentRunId": parent} if parent else {}),
        params=_settings(config),
    )
    if is_own and sweep.manifest.get("parent_run_id") is None:
        amend(storage, paths.sweep, parent_run_id=catching_up.parent_run_id)
    runs = {trial.number: _tell_trial(catching_up, sweep, trial, tags) for trial in sweep.trials}
    for trial in ranked(sweep.trials, Direction(config.objective.mode))[: config.storage.keep]:
        run_id = runs[trial.number]
        if run_id and trial.state and trial.best_epoch and storage.local is not None and _has_ended(sweep):
            checkpoint = storage.path(paths.trial(trial.number).checkpoint(trial.best_epoch))
            catching_up.checkpoint(run_id, checkpoint, last=_STATE)
    status = _status(sweep)
    if status:
        found = results(config, sweep.trials)
        best = {**found["best"], **_look(result)} if result else found["best"]
        ending = run_endings.of_sweep(status=status, best=best, metric=found["metric"], ended=found["ended"])
        catching_up.sweep(ending, leaderboard=found["leaderboard"], ended_at=found["at"])
    registered = _register(sweep, uri, parent, result) if result and parent and is_own else None
    return catching_up.parent_run_id, Synced(config.sweep, len(sweep.trials), catching_up.told, registered)


def _tell_trial(catching_up: Backfill, sweep: _Sweep, trial: Trial, tags: Mapping[str, str]) -> str | None:
    ending = None
    if trial.state:
        ending = run_endings.of_trial(
            state=trial.state.value,
            reason=trial.reason or "",
            best_value=trial.best_value,
            best_epoch=trial.best_epoch,
            metric=sweep.config.objective.metric,
            tags=fault_tags(trial, log=f"{sweep.storage.shown}/{sweep.paths.trial(trial.number).log}"),
        )
    return catching_up.trial(
        trial,
        name=run_name(trial),
        tags=tags,
        data=_data(sweep),
        storage=sweep.storage,
        paths=sweep.paths.trial(trial.number),
        ending=ending,
        ended_at=trial.ended,
    )


def _data(sweep: _Sweep) -> dict[str, Any] | None:  # arguments of `Store.add_dataset`
    paths = DataPaths(sweep.config.package, sweep.facts["data_key"])
    try:
        manifest = parse_manifest(sweep.storage.read_json(paths.manifest), where=paths.manifest)
    except (FileNotFoundError, DataError):  # deleted, or of another version: the sweep is told without it
        return None
    return dataset_facts(manifest, f"{sweep.storage.shown}/{paths.root}", split="train", context="training")


def _has_ended(sweep: _Sweep) -> bool:
    return all(trial.state for trial in sweep.trials) and _status(sweep) is not None


def _status(sweep: _Sweep) -> run_endings.SweepEnd | None:
    """Return how the sweep ended; None while it runs, or where it was killed before it could say so."""
    status: run_endings.SweepEnd | None = sweep.manifest.get("ended")
    if status is None and len(sweep.trials) >= sweep.manifest.get("n_trials", float("inf")):
        outcomes = {trial.state for trial in sweep.trials}
        if None not in outcomes:
            return "finished" if TrialState.COMPLETE in outcomes else "failed"
    return status


def _look(result: FinalResult) -> dict[str, object]:
    figures = {"test_accuracy": result.look.accuracy} if result.look else {}
    return {"candidate": result.winner.name, "mean": result.winner.mean, **figures}


def _register(sweep: _Sweep, uri: str, parent: str, result: FinalResult) -> str | None:
    """Put the winner's bundle into the model registry, where the final stage could not."""
    paths = SweepPaths(sweep.paths.sweep.rpartition("/")[0])
    if result.registered or not sweep.storage.exists(paths.winner):
        return None
    with tempfile.TemporaryDirectory(prefix="sweepkit-winner-") as scratch:
        folder = Path(scratch) / "winner"
        sweep.storage.get_folder(paths.winner, folder)
        model = register(uri, run_id=parent, folder=folder, name=paths.sweep, example="A text to label.")
    found = sweep.storage.read_json(paths.final_result)
    sweep.storage.write_json(paths.final_result, found | {"registered": model.uri})
    return model.uri


def _tags(facts: Mapping[str, Any]) -> dict[str, str]:  # a manifest
    """Return the tags of runs, as they would have been when the sweep ran."""
    dirty = facts.get("dirty")
    known = {
        "data_key": facts["data_key"],
        "host": facts["host"],
        "commit": facts.get("commit") or "unknown",
        "dirty": "unknown" if dirty is None else str(dirty).lower(),
    }
    versions = {f"version.{name}": version for name, version in facts.get("versions", {}).items()}
    commit = {"mlflow.source.git.commit": facts["commit"]} if facts.get("commit") else {}
    return {f"sweepkit.{name}": str(value) for name, value in (known | versions).items()} | commit


def _settings(config: SweepConfig) -> dict[str, str]:
    """Return the YAML's settings as params of the sweep's run."""
    found = config.model_dump(mode="json", exclude={"space", "storage", "tracking"})
    return {
        f"{section}.{key}": str(value)
        for section, values in found.items()
        if isinstance(values, dict)
        for key, value in values.items()
    }
