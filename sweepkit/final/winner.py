"""The winner of a sweep as a local bundle, made now if nobody has made it yet.

Not for choosing: the final stage does, and until it has run the leader counts. Try
`bundle_of(Path("sweeps/cells.yaml"))`.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Sequence
from pathlib import Path

from sweepkit.bundle.manifest import FORMAT, MANIFEST, BundleManifest, Measured
from sweepkit.config.package import import_package
from sweepkit.data.dataset import PreparedData
from sweepkit.errors import InputError
from sweepkit.formatting import metric_words
from sweepkit.results.statistics import proportion_interval
from sweepkit.results.sweep import Sweep, load_sweep
from sweepkit.storage.data_folder import DataFolder
from sweepkit.storage.storage import Storage
from sweepkit.tasks.interface import Task, task_of
from sweepkit.tasks.requests import ExportRequest
from sweepkit.trial.checkpoint_ref import DataRef
from sweepkit.trial.request import best_checkpoint, trial_seed
from sweepkit.trial.trial import Trial

_TIMES = ("valid_seconds",)  # what workers report beside the model's own metrics


def bundle_of(target: Path, sets: Sequence[str] = (), data: str | None = None) -> Path:
    """Return a local folder with the bundle that a target names.

    Args:
        target: a bundle's folder, or a sweep's YAML or folder. A sweep without a final stage has its leader exported,
            and exported again when another trial leads.
        sets: overrides of the sweep's YAML.
        data: takes the place of its `data.source`.

    Raises:
        InputError: there is no such sweep, it has no trial to export yet, or its package cannot be found.
        DataError: the prepared data or the checkpoint that the export needs is missing or damaged.
    """
    if (target / MANIFEST).is_file():
        return target
    if target.is_dir() and not (target / "manifest.json").is_file():
        what = f"this folder is neither a bundle, which has a {MANIFEST}, nor a sweep, which has a manifest.json"
        raise InputError(what, where=str(target))
    snapshot = load_sweep(target, sets, data)
    yaml = Path(str(snapshot.manifest.source or "the YAML")) if target.is_dir() else target
    if snapshot.final:
        _require_bundle(snapshot, yaml)
    elif not _is_of(snapshot, best := snapshot.best_trial):
        _export(snapshot, best, data_key=str(snapshot.manifest.data_key), yaml=yaml)
    return _local(snapshot)


def _require_bundle(snapshot: Sweep, yaml: Path) -> None:
    if not snapshot.folder.storage.exists(f"{snapshot.folder.paths.winner}/{MANIFEST}"):
        what = f"the bundle of the final stage's winner is gone; `python -m sweepkit final {yaml}` makes it again"
        raise InputError(what, where=f"{snapshot.folder.storage.shown}/{snapshot.folder.paths.winner}")


def _is_of(snapshot: Sweep, best: Trial) -> bool:
    """Whether the sweep's bundle is there and of this trial's best epoch; one that cannot be read is made again."""
    name = f"{snapshot.folder.paths.winner}/{MANIFEST}"
    if not snapshot.folder.storage.exists(name):
        return False
    try:
        manifest = BundleManifest.from_json(snapshot.folder.storage.read_json(name))
    except (ValueError, KeyError, TypeError, AttributeError):
        return False
    # the seed tells it from a run of a final stage that came not to its end
    seed = trial_seed(snapshot.config.search.seed, best.number)
    return (manifest.format, manifest.trial, manifest.epoch, manifest.seed) == (
        FORMAT,
        best.number,
        best.best_epoch,
        seed,
    )


def _export(snapshot: Sweep, best: Trial, *, data_key: str, yaml: Path) -> None:
    config = snapshot.config
    _find_package(config.package, yaml, where=snapshot.folder.shown())
    task, storage = task_of(config.package), snapshot.folder.storage
    prepared = _prepared(DataFolder(storage, config.package, data_key), task, yaml)
    data = DataRef(config.package, config.data, data_key, storage.uri)
    request = ExportRequest(
        best_checkpoint(data, best, sweep=snapshot.folder.sweep, seed=config.search.seed),
        measured=measured(best, n_rows=prepared.manifest.splits["valid"].rows),
        shown_sweep=snapshot.name,
        shown_trial=best.number,
        to=snapshot.folder.paths.winner,
    )
    task.export(request)


def measured(trial: Trial, *, n_rows: int) -> tuple[Measured, ...]:
    """Return what validation said of a trial's best epoch; an accuracy with its interval over `n_rows` rows."""
    metrics = trial.reports[(trial.best_epoch or 1) - 1].metrics
    found = []
    for name, value in metrics.items():
        if not name.startswith("valid_") or name in _TIMES:
            continue
        if name.endswith("accuracy"):
            interval = proportion_interval(round(value * n_rows), n_rows)
            found.append(Measured(metric_words(name), value, interval.low, interval.high, n_rows))
        else:
            found.append(Measured(metric_words(name), value))
    return tuple(found)


def _find_package(name: str, yaml: Path, *, where: str) -> None:
    """Make the package beside a sweep's YAML importable."""
    if not yaml.is_file():
        what = (
            f"this sweep has no bundle yet, and making one needs its package {name!r}, which lies beside its YAML; "
            f"{yaml} is not on this machine: name the YAML instead of the folder"
        )
        raise InputError(what, where=where)
    import_package(name, yaml.parent / name)


def _prepared(folder: DataFolder, task: Task, yaml: Path) -> PreparedData:
    if not folder.exists():
        what = f"the prepared data is gone; `python -m sweepkit prepare {yaml}` makes it again from the source"
        raise InputError(what, where=folder.shown())
    return task.data_type.open(folder.local_folder())


def _local(snapshot: Sweep) -> Path:
    """Return the sweep's bundle as a local folder; of a bucket a copy, made once for each content."""
    storage, name = snapshot.folder.storage, snapshot.folder.paths.winner
    if storage.local is not None:
        return storage.path(name)
    digest = hashlib.sha256(storage.read(f"{name}/{MANIFEST}")).hexdigest()[:16]
    copies = Storage.at(str(Path(tempfile.gettempdir()) / "sweepkit-bundles"))
    if not copies.exists(f"{digest}/{MANIFEST}"):
        with copies.new_folder(digest, last=MANIFEST) as folder:
            storage.get_folder(name, folder)
    return copies.path(digest)
