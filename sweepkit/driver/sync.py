"""Bring a tracking store up to date with a sweep: whatever it lacks is uploaded from the journal and the spools.

The store ends as if it had never been unreachable, and a store that never saw the sweep gets all of it. In the sweep's
folder nothing changes but spools that are no longer needed and what its manifest says of the store.
Try `sync(Path("sweeps/cells.yaml"))[1][0].counts.reports`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sweepkit.data.manifest import parse_manifest
from sweepkit.driver.tracking import split_input
from sweepkit.errors import DataError, InputError
from sweepkit.results.final_result import FinalResult
from sweepkit.results.sweep import Sweep, load_sweep, read_sweep
from sweepkit.storage.data_folder import DataFolder
from sweepkit.tasks.interface import task_of
from sweepkit.tracking import run_endings
from sweepkit.tracking.backfill import Backfill, BackfillCounts, in_users_words
from sweepkit.tracking.errors import StoreError
from sweepkit.tracking.registry import register
from sweepkit.tracking.run_metadata import RunMetadata, SplitInput
from sweepkit.tracking.uris import exists, is_file, located, shown

_STATE = "state.json"  # of a checkpoint, written last


@dataclass(frozen=True)
class Synced:
    """One sweep, or its final stage, that a store has completely now.

    Attributes:
        sweep: its name.
        n_trials: how many there are.
        counts: what was missing.
        registered: the model that was put into the registry now, if one was missing there.
    """

    sweep: str
    n_trials: int
    counts: BackfillCounts
    registered: str | None = None


def sync(
    target: Path, *, sets: Sequence[str] = (), data: str | None = None, tracking_uri: str | None = None
) -> tuple[str, list[Synced]]:
    """Upload to a store all that it lacks of a sweep and of its final stage; returns the store's address and what.

    Args:
        target: the sweep's YAML or its folder.
        sets: overrides of the YAML.
        data: as `--data` gives it.
        tracking_uri: another store than the sweep's own.

    Raises:
        InputError: there is no such sweep, it has no store, or the store cannot be reached.
    """
    sweep = load_sweep(target, sets, data)
    return sync_sweep(sweep, tracking_uri=tracking_uri, is_running=sweep.running() is not None)


def sync_sweep(sweep: Sweep, *, tracking_uri: str | None = None, is_running: bool = False) -> tuple[str, list[Synced]]:
    """Do what `sync` does with a sweep that has been read; the manifest of one that is running stays as it is."""
    folder, is_own = sweep.folder, tracking_uri is None
    uri = _store_of(sweep, tracking_uri)
    try:
        run_id, done = _upload(sweep, uri, parent_run_id=None, is_own=is_own)
        synced = [done]
        if folder.final.exists():
            stage = read_sweep(folder.final)
            _, done = _upload(stage, uri, parent_run_id=run_id, is_own=is_own, result=sweep.final)
            registered = _register(sweep, uri, run_id, sweep.final) if sweep.final and is_own else None
            synced.append(replace(done, registered=registered))
    except StoreError as error:
        raise in_users_words(error, uri) from error
    if is_own and not is_running:  # the driver of a running sweep notes it itself when it ends
        for own in (folder, folder.final):
            if own.exists():
                own.update(synced=True)
    return shown(uri), synced


def _store_of(sweep: Sweep, tracking_uri: str | None) -> str:
    """Return the store that is meant: the one on the command line, else the sweep's own."""
    if tracking_uri:
        return located(tracking_uri)
    tracking = sweep.config.tracking
    if not tracking.enabled:
        raise InputError(
            "this sweep ran without a tracking store (tracking.enabled: false); name one with --tracking-uri",
            where=sweep.folder.shown(),
        )
    uri, used = located(tracking.uri), sweep.manifest.tracking_uri
    if used and shown(uri) != used and tracking.uri is None:
        uri = used  # the sweep ran in another folder or with another environment
    if is_file(uri) and not exists(uri):
        raise InputError(f"there is no tracking store {shown(uri)!r}; name the right one with --tracking-uri")
    return uri


def _upload(
    sweep: Sweep, uri: str, *, parent_run_id: str | None, is_own: bool, result: FinalResult | None = None
) -> tuple[str, Synced]:
    """Upload one sweep, or a final stage with its result; returns its run too."""
    folder = sweep.folder
    metadata = RunMetadata.of(folder, sweep.manifest, parent_run_id=parent_run_id)
    backfill = Backfill.open(uri, metadata, run_id=sweep.manifest.parent_run_id)
    if is_own and sweep.manifest.parent_run_id is None:
        folder.update(parent_run_id=backfill.parent_run_id)
    split, status, board = _training_data(sweep), sweep.ended_as(), sweep.leaderboard
    has_ended = status is not None and not sweep.unfinished() and folder.local is not None
    kept = {trial.number for trial in board.leaders[: sweep.config.storage.keep]} if has_ended else set()
    for trial in sweep.trials:
        trial_folder = folder.trial(trial.number)
        ending = run_endings.of_trial(trial, board.metric, trial_folder) if trial.state else None
        run_id = backfill.trial(trial, trial_folder, split=split, ending=ending)
        if run_id and trial.best_epoch and trial.number in kept:
            checkpoint = trial_folder.paths.checkpoint(trial.best_epoch)
            backfill.checkpoint(run_id, folder.storage.path(checkpoint), last=_STATE)
    if status:
        also = result.figures if result else None
        backfill.sweep(run_endings.of_sweep(status, board, also=also), board.columns())
    return backfill.parent_run_id, Synced(sweep.name, len(sweep.trials), backfill.counts)


def _training_data(sweep: Sweep) -> SplitInput | None:
    data = DataFolder(sweep.folder.storage, sweep.config.package, str(sweep.manifest.data_key))
    name = data.paths.manifest
    kind = task_of(sweep.config.package).data_type.manifest_type
    try:
        manifest = parse_manifest(data.storage.read_json(name), kind, where=name)
    except (FileNotFoundError, DataError):  # deleted, or of another version: the sweep is uploaded without it
        return None
    return split_input(manifest, data.shown(), split="train", context="training")


def _register(sweep: Sweep, uri: str, run_id: str, result: FinalResult) -> str | None:
    """Put the winner's bundle into the model registry, where the final stage could not."""
    storage, paths = sweep.folder.storage, sweep.folder.paths
    if result.registered or not storage.exists(paths.winner):
        return None
    with tempfile.TemporaryDirectory(prefix="sweepkit-winner-") as scratch:
        bundle = Path(scratch) / "winner"
        storage.get_folder(paths.winner, bundle)
        model = register(uri, run_id=run_id, folder=bundle, name=sweep.folder.sweep)
    storage.write_json(paths.final_result, replace(result, registered=model.uri).to_json())
    return model.uri
