"""Which folder a sweep goes on in, and its manifest.

`run` twice is one sweep. A YAML that differs in what decides results never goes on in a folder that has others'
results: the differences are shown, or `--new` opens a numbered folder beside it. Try
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
    """Choose the sweep's folder, and write its manifest, or bring it up to date where the sweep goes on.

    Args:
        definition: the sweep.
        storage: where sweeps are kept.
        data_key: the content key of the data that it reads.
        new: start another sweep even where this one exists.
        lock: called before anything is written in the folder; raises where another driver runs the sweep.

    Returns:
        The folder, `name`, or `name-2` and so on after `--new`, and its manifest.

    Raises:
        InputError: the folder holds a sweep that differs in what decides results, each difference named, or one whose
            trials have run more epochs than the YAML allows.
    """
    begun, identity = _begun(definition, storage), identity_of(definition, data_key)
    same = [one for one in begun if one[1].identity == identity]
    if begun and not same and not new:
        raise InputError(_refusal(definition, *begun[-1], identity))
    if same and not new:
        folder, before = same[-1]
        lock(folder)
        _refuse_fewer_epochs(definition, folder, before)
        folder.update(**_extent(definition, folder))
    else:
        folder = SweepFolder(storage, _next_name(definition.config.sweep, len(begun)))
        lock(folder)
        folder.write(_new_manifest(definition, folder, identity, data_key))
    return folder, folder.manifest()


def find_sweep(definition: SweepDefinition, storage: Storage, *, data_key: str) -> tuple[SweepFolder, SweepManifest]:
    """Return the folder of the sweep that has run with these settings, the newest of several, and its manifest.

    Raises:
        InputError: there is none, or its trials have run more epochs than the YAML allows.
    """
    begun, identity = _begun(definition, storage), identity_of(definition, data_key)
    same = [one for one in begun if one[1].identity == identity]
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
    """Return what may change in a sweep that goes on: whatever decides no results, and how far it goes."""
    settings = hidden_in(definition.config.model_dump(mode="json")) | {"sweep": folder.title}
    return {"settings": settings, "n_trials": n_trials(definition.config, definition.space)}


def _new_manifest(
    definition: SweepDefinition, folder: SweepFolder, identity: Mapping[str, Any], data_key: str
) -> SweepManifest:
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    return SweepManifest(
        identity=identity,
        space=tuple(definition.space.describe()),
        data_key=data_key,
        code=CodeInfo.here(definition.package.folder),
        source=str(definition.source.absolute()),
        created=_begun_at(folder, identity) or now,
        **_extent(definition, folder),
    )


def _begun_at(folder: SweepFolder, identity: Mapping[str, Any]) -> str | None:
    """Return when a sweep was begun of which a death left only the manifest: its run in MLflow is found by that."""
    try:
        before = folder.manifest() if folder.exists() else None
    except DataError:  # damaged, and about to be written anew
        return None
    return before.created if before and before.identity == identity else None


def _refuse_fewer_epochs(definition: SweepDefinition, folder: SweepFolder, manifest: SweepManifest) -> None:
    """Raise where trials have run more epochs than any other would from now on."""
    last, before = definition.config.stopping.max_epochs, manifest.config.stopping.max_epochs
    if last >= before:
        return
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
