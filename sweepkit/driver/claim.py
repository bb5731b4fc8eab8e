"""A sweep's folder: which one a YAML goes on in, and the manifest that says what its results depend on.

`run` twice is one sweep. A YAML that differs in what decides results never goes on in a folder that has others'
results: the differences are shown, or `--new` opens a numbered folder beside it. Try `versions(Storage.at("runs"),
"cells")`.
"""

from __future__ import annotations

import datetime
import logging
from collections.abc import Callable, Mapping
from typing import Any

from sweepkit import provenance
from sweepkit.config.definition import SweepDefinition
from sweepkit.config.identity import differences, identity_of
from sweepkit.config.schedule import n_trials
from sweepkit.errors import InputError, Issue
from sweepkit.redaction import hidden_in
from sweepkit.storage.layout import SweepPaths
from sweepkit.storage.manifest import amend, versions
from sweepkit.storage.storage import Storage
from sweepkit.study.journal import Journal
from sweepkit.study.journal_file import open_journal

logger = logging.getLogger(__name__)

_FORMAT = 1


def claim_sweep(
    definition: SweepDefinition,
    storage: Storage,
    *,
    data_key: str,
    new: bool,
    lock: Callable[[SweepPaths], object] = lambda _: None,
) -> SweepDefinition:
    """Choose the sweep's folder, and write its manifest, or bring it up to date where the sweep goes on.

    Args:
        definition: the sweep.
        storage: where sweeps are kept.
        data_key: the content key of the data that it reads.
        new: start another sweep even where this one exists.
        lock: called before anything is written in the folder; raises where another driver is at it.

    Returns:
        The problem under the name that its folder has: `name`, or `name-2` and so on after `--new`.

    Raises:
        InputError: the folder holds a sweep that differs in what decides results, each difference named, or one whose
            trials have run more epochs than the YAML allows.
    """
    wanted = identity_of(definition, data_key)
    taken = versions(storage, definition.config.sweep)
    same = [name for name in taken if storage.read_json(SweepPaths(name).manifest)["identity"] == wanted]
    if taken and not same and not new:
        raise InputError(_refusal(definition, storage, taken[-1], wanted))
    if same and not new:
        renamed = definition.renamed(same[-1])
        lock(SweepPaths(same[-1]))
        _refuse_fewer_epochs(renamed, storage)
        config = hidden_in(renamed.config.model_dump(mode="json"))
        amend(storage, same[-1], spec=config, n_trials=n_trials(definition.config, definition.space))
        return renamed
    name = f"{definition.config.sweep}-{len(taken) + 1}" if taken else definition.config.sweep
    renamed = definition.renamed(name)
    lock(SweepPaths(name))
    manifest = _manifest(renamed, wanted, data_key)
    storage.write_json(SweepPaths(name).manifest, manifest | _begun(storage, SweepPaths(name), wanted))
    return renamed


def _begun(storage: Storage, paths: SweepPaths, wanted: Mapping[str, Any]) -> dict[str, Any]:  # JSON objects
    """Return when a sweep was begun of which a death left a manifest only: its run in MLflow is found by that."""
    try:
        found = storage.read_json(paths.manifest) if storage.exists(paths.manifest) else None
        return {"created": found["created"]} if found and found["identity"] == wanted else {}
    except (ValueError, KeyError, TypeError):  # damaged, and about to be written anew
        return {}


def find_sweep(definition: SweepDefinition, storage: Storage, *, data_key: str) -> SweepDefinition:
    """Return the problem under the name of the sweep that has run with these settings, the newest of several.

    Raises:
        InputError: there is none, or its trials have run more epochs than the YAML allows.
    """
    wanted = identity_of(definition, data_key)
    taken = versions(storage, definition.config.sweep)
    same = [name for name in taken if storage.read_json(SweepPaths(name).manifest)["identity"] == wanted]
    if same:
        _refuse_fewer_epochs(definition.renamed(same[-1]), storage)
        return definition.renamed(same[-1])
    if taken:
        raise InputError(_refusal(definition, storage, taken[-1], wanted))
    where = str(definition.source)
    raise InputError(
        f"sweep {definition.config.sweep!r} has not been run yet; start it with `python -m sweepkit run {where}`",
        where=where,
    )


def _manifest(definition: SweepDefinition, wanted: Mapping[str, Any], data_key: str) -> dict[str, Any]:  # JSON objects
    code = provenance.code_state(definition.package.folder)
    return {
        "format": _FORMAT,
        "identity": wanted,
        "spec": hidden_in(definition.config.model_dump(mode="json")),
        "space": definition.space.describe(),
        "n_trials": n_trials(definition.config, definition.space),
        "data_key": data_key,
        "commit": code.commit,
        "dirty": code.dirty,
        "versions": provenance.versions(),
        "source": str(definition.source.absolute()),
        "host": provenance.host(),
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }


def _refuse_fewer_epochs(definition: SweepDefinition, storage: Storage) -> None:
    """Raise where trials have run more epochs than any other would from now on."""
    paths, last = SweepPaths(definition.config.sweep), definition.config.stopping.max_epochs
    before = storage.read_json(paths.manifest)["spec"]["stopping"]["max_epochs"]
    if last >= before:
        return
    with open_journal(storage, paths, read_only=True) as local:
        trials = Journal.read(local, definition.config).trials()
    longest = max(trials, key=lambda trial: trial.epoch, default=None)
    if longest and longest.epoch > last:
        raise InputError(
            f"stopping.max_epochs was {before} and is now {last}, but trial {longest.number} has run {longest.epoch} "
            f"epochs, and results would not be comparable: set it to at least {longest.epoch}, or add --new to start "
            "another sweep beside it",
            where=str(definition.source),
        )


def _refusal(
    definition: SweepDefinition, storage: Storage, name: str, wanted: Mapping[str, Any]
) -> list[Issue]:  # a JSON object
    paths = SweepPaths(name)
    before = storage.read_json(paths.manifest)["identity"]
    where = str(definition.source)
    found = [Issue(where, change) for change in differences(before, wanted)]
    remedy = (
        f"{storage.shown}/{paths.root} holds a sweep with other settings, and results would not be comparable: "
        "undo the change, or add --new to start another sweep beside it"
    )
    return [*found, Issue(where, remedy)]
