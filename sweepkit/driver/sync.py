"""Upload to a tracking store what it lacks of a sweep, from the journal and the spools.

Afterwards the store has what it would have if it had never been unreachable; a store without the sweep gets all of it.
In the sweep's folder only spools that are no longer needed and the manifest's entries about the store change.
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
from sweepkit.tasks.lookup import task_of
from sweepkit.tracking import run_endings
from sweepkit.tracking.backfill import Backfill, BackfillCounts, in_users_words
from sweepkit.tracking.errors import StoreError
from sweepkit.tracking.registry import register
from sweepkit.tracking.run_metadata import RunMetadata, SplitInput
from sweepkit.tracking.uris import exists, is_file, located, shown

_STATE = "state.json"  # of a checkpoint, written last


@dataclass(frozen=True)
class Synced:
    """A sweep, or its final stage, that the store now has completely.

    Attributes:
        sweep: its name.
        n_trials: its number of trials.
        counts: what was missing.
        registered: the model that was registered now; None if none was missing.
    """

    sweep: str
    n_trials: int
    counts: BackfillCounts
    registered: str | None = None


def sync(
    target: Path, *, sets: Sequence[str] = (), data: str | None = None, tracking_uri: str | None = None
) -> tuple[str, list[Synced]]:
    """Upload to a store what it lacks of a sweep and of its final stage; return the store's URI and what was uploaded.

    Args:
        target: the sweep's YAML or its folder.
        sets: overrides of the YAML, each `key.key=value`.
        data: takes the place of the YAML's `data.source`.
        tracking_uri: another store than the sweep's own.

    Raises:
        InputError: there is no such sweep, it has no store, or the store cannot be reached.
    """
    sweep = load_sweep(target, sets, data)
    return sync_sweep(sweep, tracking_uri=tracking_uri, is_running=sweep.running() is not None)


def sync_sweep(sweep: Sweep, *, tracking_uri: str | None = None, is_running: bool = False) -> tuple[str, list[Synced]]:
    """Do the same as `sync` for a sweep that was read before; the manifest of a running one is not marked as synced."""
    folder, is_own = sweep.folder, tracking_uri is None
    uri = _store_of(sweep, tracking_uri)
    try:
        # the sweep first: its run is the parent of the final stage's run
        run_id, done = _upload(sweep, uri, parent_run_id=None, is_own=is_own)
        synced = [done]
        if folder.final.exists():
            stage = read_sweep(folder.final)
            _, done = _upload(stage, uri, parent_run_id=run_id, is_own=is_own, result=sweep.final)
            registered = _register(sweep, uri, run_id, sweep.final) if sweep.final and is_own else None
            synced.append(replace(done, registered=registered))
    except StoreError as error:
        raise in_users_words(error, uri) from error
    # Only now, after every upload: a failure halfway leaves the mark as it was, and the next `sync` continues. Another
    # store leaves it too, because it is about the sweep's own; the driver of a running sweep writes it at its end.
    if is_own and not is_running:
        for part in (folder, folder.final):
            if part.exists():
                part.update(synced=True)
    return shown(uri), synced


def _store_of(sweep: Sweep, tracking_uri: str | None) -> str:
    """Return the URI of the store: the one on the command line, or else the sweep's own."""
    if tracking_uri:
        return located(tracking_uri)
    tracking = sweep.config.tracking
    if not tracking.enabled:
        raise InputError(
            "this sweep ran without a tracking store (tracking.enabled: false); name one with --tracking-uri",
            where=sweep.folder.shown(),
        )
    uri, used = located(tracking.uri), sweep.manifest.tracking_uri
    # Without a URI in the YAML the store depends on the working directory and on the environment, in which the sweep
    # may have run elsewhere. A URI in the YAML is kept: the manifest has it without the credentials.
    if used and shown(uri) != used and tracking.uri is None:
        uri = used
    # checked here, because connecting would create the file, and a mistyped path would look like a success
    if is_file(uri) and not exists(uri):
        raise InputError(f"there is no tracking store {shown(uri)!r}; name the right one with --tracking-uri")
    return uri


def _upload(
    sweep: Sweep, uri: str, *, parent_run_id: str | None, is_own: bool, result: FinalResult | None = None
) -> tuple[str, Synced]:
    """Upload a sweep, or a final stage with its result; return its run's id too."""
    folder = sweep.folder
    metadata = RunMetadata.of(folder, sweep.manifest, parent_run_id=parent_run_id)
    backfill = Backfill.open(uri, metadata, run_id=sweep.manifest.parent_run_id)
    # at once, since what follows may fail: the next driver, also that of a final stage, reads the id from here
    if is_own and sweep.manifest.parent_run_id is None:
        folder.update(parent_run_id=backfill.parent_run_id)
    split, status, board = _training_data(sweep), sweep.ended_as(), sweep.leaderboard
    # Checkpoints as a live run uploads them: the leaders' at the end of the sweep, and only from a folder. Before the
    # end leaders change; a bucket's checkpoints would have to be downloaded first.
    has_ended = status is not None and not sweep.unfinished() and folder.local is not None
    kept = {trial.number for trial in board.leaders[: sweep.config.storage.keep]} if has_ended else set()
    for trial in sweep.trials:
        trial_folder = folder.trial(trial.number)
        ending = run_endings.of_trial(trial, board.metric, trial_folder) if trial.state else None
        run_id = backfill.trial(trial, trial_folder, split=split, ending=ending)
        if run_id and trial.best_epoch and trial.number in kept:
            checkpoint = trial_folder.paths.checkpoint(trial.best_epoch)
            backfill.checkpoint(run_id, folder.storage.path(checkpoint), last=_STATE)
    # last: a run that has ended looks complete in MLflow
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
    except (FileNotFoundError, DataError):  # deleted, or of another version; the rest of the sweep is worth uploading
        return None
    return split_input(manifest, data.shown(), split="train", context="training")


def _register(sweep: Sweep, uri: str, run_id: str, result: FinalResult) -> str | None:
    """Register the winner's bundle as a model, if the final stage could not; return its URI."""
    storage, paths = sweep.folder.storage, sweep.folder.paths
    if result.registered or not storage.exists(paths.winner):
        return None
    with tempfile.TemporaryDirectory(prefix="sweepkit-winner-") as scratch:
        bundle = Path(scratch) / "winner"
        storage.get_folder(paths.winner, bundle)
        model = register(uri, run_id=run_id, folder=bundle, name=sweep.folder.sweep)
    storage.write_json(paths.final_result, replace(result, registered=model.uri).to_json())
    return model.uri
