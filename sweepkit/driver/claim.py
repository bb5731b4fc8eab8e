"""A sweep's folder: which one a YAML goes on in, and the manifest that says what its results depend on.

`run` twice is one sweep. A YAML that differs in what decides results never goes on in a folder that has others'
results: the differences are shown, or `--new` opens a numbered folder beside it. Try `versions(Storage.at("runs"),
"cells")`.
"""

from __future__ import annotations

import contextlib
import datetime
import functools
import json
import logging
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from sweepkit import provenance
from sweepkit.config.definition import SweepProblem, identity
from sweepkit.config.schema import SweepSpec
from sweepkit.driver.estimate import n_trials
from sweepkit.errors import DataError, InputError, Problem, StorageFault
from sweepkit.redaction import hidden_in
from sweepkit.storage.layout import SweepPaths
from sweepkit.storage.storage import Storage
from sweepkit.study.journal import Journal

logger = logging.getLogger(__name__)

_FORMAT = 1
_WRITE_BACK_S = 15.0


def claim(
    problem: SweepProblem,
    storage: Storage,
    *,
    data_key: str,
    new: bool,
    lock: Callable[[SweepPaths], object] = lambda _: None,
) -> SweepProblem:
    """Choose the sweep's folder, and write its manifest, or bring it up to date where the sweep goes on.

    Args:
        problem: the sweep.
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
    wanted = _wanted(problem, data_key)
    taken = versions(storage, problem.spec.sweep)
    same = [name for name in taken if storage.read_json(SweepPaths(name).manifest)["identity"] == wanted]
    if taken and not same and not new:
        raise InputError(_refusal(problem, storage, taken[-1], wanted))
    if same and not new:
        renamed = problem.renamed(same[-1])
        lock(SweepPaths(same[-1]))
        _refuse_fewer_epochs(renamed, storage)
        spec = hidden_in(renamed.spec.model_dump(mode="json"))
        amend(storage, same[-1], spec=spec, n_trials=n_trials(problem.spec, problem.space))
        return renamed
    name = f"{problem.spec.sweep}-{len(taken) + 1}" if taken else problem.spec.sweep
    renamed = problem.renamed(name)
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


def find(problem: SweepProblem, storage: Storage, *, data_key: str) -> SweepProblem:
    """Return the problem under the name of the sweep that has run with these settings, the newest of several.

    Raises:
        InputError: there is none, or its trials have run more epochs than the YAML allows.
    """
    wanted = _wanted(problem, data_key)
    taken = versions(storage, problem.spec.sweep)
    same = [name for name in taken if storage.read_json(SweepPaths(name).manifest)["identity"] == wanted]
    if same:
        _refuse_fewer_epochs(problem.renamed(same[-1]), storage)
        return problem.renamed(same[-1])
    if taken:
        raise InputError(_refusal(problem, storage, taken[-1], wanted))
    where = str(problem.source)
    raise InputError(
        f"sweep {problem.spec.sweep!r} has not been run yet; start it with `python -m sweepkit run {where}`",
        where=where,
    )


def versions(storage: Storage, sweep: str) -> list[str]:
    """Return the folders of a sweep that has begun, oldest first: `name`, `name-2`, …

    A manifest alone is no sweep yet: its data may have turned out to be wrong, and the next run may mend that.
    """
    names: list[str] = []
    while storage.exists(SweepPaths(candidate := f"{sweep}-{len(names) + 1}" if names else sweep).journal):
        check_manifest(storage, candidate)
        names.append(candidate)
    return names


def check_manifest(storage: Storage, sweep: str) -> None:
    """Make sure that a sweep's manifest can be used.

    Raises:
        DataError: it is missing, malformed, or says what no sweep can be.
    """
    name = SweepPaths(sweep).manifest
    try:
        found = storage.read_json(name)
        SweepSpec.model_validate(found["spec"])
        if not (isinstance(found["identity"], dict) and isinstance(found["n_trials"], int)):
            raise TypeError("identity and n_trials are of other types")
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = "it is missing" if isinstance(error, FileNotFoundError) else str(error).partition("\n")[0]
        raise DataError(
            f"the sweep's manifest cannot be used: {reason}; put it back from a backup, or start with another name",
            where=f"{storage.shown}/{name}",
        ) from None


def amend(storage: Storage, sweep: str, **facts: object) -> None:
    """Write facts that are known only later (the data's key, the tracking run) into a sweep's manifest."""
    name = SweepPaths(sweep).manifest
    storage.write_json(name, storage.read_json(name) | facts)


@contextlib.contextmanager
def journal(
    storage: Storage, paths: SweepPaths, *, read_only: bool = False, every_s: float = _WRITE_BACK_S
) -> Iterator[Path]:
    """Give the journal as a local file: itself in a folder; of a bucket a copy, written back at the end.

    The copy is written back every `every_s` seconds too, if it has grown: a driver may be killed.
    """
    if storage.local is not None:
        yield storage.path(paths.journal)
        return
    with tempfile.TemporaryDirectory(prefix="sweepkit-journal-") as scratch:
        local = Path(scratch) / "journal.log"
        n_stored = local.write_bytes(storage.read(paths.journal)) if storage.exists(paths.journal) else 0
        if read_only:
            yield local
            return
        ended = threading.Event()
        write_back = functools.partial(_write_back, local, storage, paths.journal, n_stored)
        copying = threading.Thread(target=write_back, args=(every_s, ended), daemon=True)
        copying.start()
        try:
            yield local
        finally:
            ended.set()
            copying.join()
            if local.exists():
                storage.write(paths.journal, local.read_bytes())


def _write_back(
    local: Path, storage: Storage, name: str, n_stored: int, every_s: float, ended: threading.Event
) -> None:
    """Write a growing file back now and then; a last line that is half-written by then is mended like any other."""
    while not ended.wait(every_s):
        content = local.read_bytes() if local.exists() else b""
        if len(content) == n_stored:
            continue
        try:
            storage.write(name, content)
            n_stored = len(content)
        except (StorageFault, OSError) as error:  # the end tries again, and says so if it can't
            logger.warning("the journal could not be copied to the bucket: %s", error)


def _wanted(problem: SweepProblem, data_key: str) -> dict[str, Any]:  # a JSON object
    # through JSON, as the manifest will give it back
    return dict(json.loads(json.dumps(hidden_in({**identity(problem), "data_key": data_key}))))


def _manifest(problem: SweepProblem, wanted: Mapping[str, Any], data_key: str) -> dict[str, Any]:  # JSON objects
    code = provenance.code_state(problem.package.folder)
    return {
        "format": _FORMAT,
        "identity": wanted,
        "spec": hidden_in(problem.spec.model_dump(mode="json")),
        "space": problem.space.describe(),
        "n_trials": n_trials(problem.spec, problem.space),
        "data_key": data_key,
        "commit": code.commit,
        "dirty": code.dirty,
        "versions": provenance.versions(),
        "source": str(problem.source.absolute()),
        "host": provenance.host(),
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }


def _refuse_fewer_epochs(problem: SweepProblem, storage: Storage) -> None:
    """Raise where trials have run more epochs than any other would from now on."""
    paths, last = SweepPaths(problem.spec.sweep), problem.spec.stopping.max_epochs
    before = storage.read_json(paths.manifest)["spec"]["stopping"]["max_epochs"]
    if last >= before:
        return
    with journal(storage, paths, read_only=True) as local:
        records = Journal.read(local, problem.spec).records()
    longest = max(records, key=lambda record: record.epoch, default=None)
    if longest and longest.epoch > last:
        raise InputError(
            f"stopping.max_epochs was {before} and is now {last}, but trial {longest.number} has run {longest.epoch} "
            f"epochs, and results would not be comparable: set it to at least {longest.epoch}, or add --new to start "
            "another sweep beside it",
            where=str(problem.source),
        )


def _refusal(
    problem: SweepProblem, storage: Storage, name: str, wanted: Mapping[str, Any]
) -> list[Problem]:  # a JSON object
    paths = SweepPaths(name)
    before = storage.read_json(paths.manifest)["identity"]
    where = str(problem.source)
    found = [Problem(where, change) for change in differences(before, wanted)]
    remedy = (
        f"{storage.shown}/{paths.root} holds a sweep with other settings, and results would not be comparable: "
        "undo the change, or add --new to start another sweep beside it"
    )
    return [*found, Problem(where, remedy)]


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:  # JSON objects
    """Say in which values two identities differ, as `search.sampler was 'tpe' and is now 'random'`."""
    old, new = flat(before), flat(now)
    return [
        f"{key} was {old.get(key, 'absent')!r} and is now {new.get(key, 'absent')!r}"
        for key in old | new
        if old.get(key, "absent") != new.get(key, "absent")
    ]


def flat(value: object, prefix: str = "") -> dict[str, object]:
    """Return the leaves of nested mappings by their dotted names."""
    if not isinstance(value, Mapping):
        return {prefix: value}
    below = [flat(inner, f"{prefix}.{key}" if prefix else str(key)) for key, inner in value.items()]
    return {key: leaf for part in below for key, leaf in part.items()}
