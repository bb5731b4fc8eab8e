"""The folder in which a sweep runs or resumes, and its manifest.

`run` twice is one sweep. A YAML that differs in a setting that results depend on is never run in a folder with other
results: the differences are shown, or `--new` starts a numbered folder beside it. Try
`claim_sweep(definition, storage, data_key=key, new=False)`.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from typing import Any

from sweepkit.config.definition import SweepDefinition
from sweepkit.config.identity import differences, identity_of
from sweepkit.config.schedule import n_trials
from sweepkit.errors import DataError, InputError, Issue
from sweepkit.provenance import CodeInfo
from sweepkit.redaction import hidden_in
from sweepkit.storage.manifest import SweepManifest
from sweepkit.storage.storage import Storage
from sweepkit.storage.sweep_folder import SweepFolder, sweep_folders
from sweepkit.study.journal import Journal
from sweepkit.study.local_journal import open_journal


def claim_sweep(
    definition: SweepDefinition,
    storage: Storage,
    *,
    data_key: str,
    new: bool,
    lock: Callable[[SweepFolder], object] = lambda _: None,
) -> tuple[SweepFolder, SweepManifest]:
    """Choose the sweep's folder, and write its manifest, or update the manifest of a sweep that resumes.

    Args:
        definition: the sweep.
        storage: where sweeps are kept.
        data_key: the content key of its data.
        new: start another sweep even if this one exists.
        lock: called before anything is written in the folder; raises if another driver runs the sweep.

    Returns:
        The folder, `name`, or `name-2` and so on after `--new`, and its manifest.

    Raises:
        InputError: the folder holds a sweep with other settings that results depend on, each difference named, or one
            whose trials have run more epochs than the YAML allows.
    """
    begun, identity = _begun(definition, storage), identity_of(definition, data_key)
    same = [(folder, manifest) for folder, manifest in begun if manifest.identity == identity]
    if begun and not same and not new:
        raise InputError(_refusal(definition, *begun[-1], identity))
    fresh = SweepFolder(storage, _next_name(definition.config.sweep, len(begun)))
    # the newest of several: a user who added --new and repeats the command means the sweep that --new started
    folder, before = same[-1] if same and not new else (fresh, None)
    # before the manifest: one driver must not change the settings or the number of trials of another one's sweep
    lock(folder)
    extent = _extent(definition, folder)
    if before:
        # before the update: a refused command leaves the manifest as it was
        _refuse_fewer_epochs(definition, folder, before)
        folder.update(**extent)
    else:
        folder.write(_new_manifest(definition, folder, identity, data_key, extent))
    return folder, folder.manifest()


def find_sweep(definition: SweepDefinition, storage: Storage, *, data_key: str) -> tuple[SweepFolder, SweepManifest]:
    """Return the folder of the sweep that has run with these settings, the newest of several, and its manifest.

    Raises:
        InputError: there is no such sweep, or its trials have run more epochs than the YAML allows.
    """
    begun, identity = _begun(definition, storage), identity_of(definition, data_key)
    same = [(folder, manifest) for folder, manifest in begun if manifest.identity == identity]
    if same:
        _refuse_fewer_epochs(definition, *same[-1])
        return same[-1]
    if begun:
        raise InputError(_refusal(definition, *begun[-1], identity))
    where = str(definition.source)
    raise InputError(
        f"sweep {definition.config.sweep!r} has not been run yet; start it with `python -m sweepkit run {where}`",
        where=where,
    )


def _begun(definition: SweepDefinition, storage: Storage) -> list[tuple[SweepFolder, SweepManifest]]:
    return [(folder, folder.manifest()) for folder in sweep_folders(storage, definition.config.sweep)]


def _next_name(sweep: str, n_begun: int) -> str:
    return f"{sweep}-{n_begun + 1}" if n_begun else sweep


def _extent(definition: SweepDefinition, folder: SweepFolder) -> dict[str, Any]:
    """Return what may change when a sweep resumes: settings that no result depends on, and the number of trials."""
    # without credentials, since the manifest is a plain file
    settings = hidden_in(definition.config.model_dump(mode="json")) | {"sweep": folder.title}
    return {"settings": settings, "n_trials": n_trials(definition.config, definition.space)}


def _new_manifest(
    definition: SweepDefinition,
    folder: SweepFolder,
    identity: Mapping[str, Any],
    data_key: str,
    extent: Mapping[str, Any],
) -> SweepManifest:
    try:
        # A driver that died before the first trial leaves a manifest without a journal. Its run in MLflow is found by
        # `created`, so the same sweep keeps that value.
        earlier = folder.manifest() if folder.exists() else None
    except DataError:  # damaged, and about to be replaced
        earlier = None
    created = earlier.created if earlier and earlier.identity == identity else None
    return SweepManifest(
        identity=identity,
        space=tuple(definition.space.describe()),
        data_key=data_key,
        code=CodeInfo.here(definition.package.folder),
        source=str(definition.source.absolute()),
        created=created or datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        **extent,
    )


def _refuse_fewer_epochs(definition: SweepDefinition, folder: SweepFolder, manifest: SweepManifest) -> None:
    """Raise if a trial has run more epochs than any other would run from now on."""
    last, before = definition.config.stopping.max_epochs, manifest.config.stopping.max_epochs
    if last >= before:
        return
    # by the trials, not by the setting: a limit that no trial has passed yet may be lowered
    with open_journal(folder, read_only=True) as journal:
        trials = Journal.read(journal, definition.config).trials()
    longest = max(trials, key=lambda trial: trial.epoch, default=None)
    if longest and longest.epoch > last:
        raise InputError(
            f"stopping.max_epochs was {before} and is now {last}, but trial {longest.number} has run {longest.epoch} "
            f"epochs, and results would not be comparable: set it to at least {longest.epoch}, or add --new to start "
            "another sweep beside it",
            where=str(definition.source),
        )


def _refusal(
    definition: SweepDefinition, folder: SweepFolder, manifest: SweepManifest, identity: Mapping[str, Any]
) -> list[Issue]:
    where = str(definition.source)
    changes = [Issue(where, change) for change in differences(manifest.identity, identity)]
    remedy = (
        f"{folder.shown()} holds a sweep with other settings, and results would not be comparable: "
        "undo the change, or add --new to start another sweep beside it"
    )
    return [*changes, Issue(where, remedy)]
