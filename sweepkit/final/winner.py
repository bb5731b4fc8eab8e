"""The winner of a sweep as a local bundle, exported when it is needed for the first time.

The winner is chosen by the final stage; before that stage has run, it is the sweep's best trial. Try
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
from sweepkit.tasks.interface import Task
from sweepkit.tasks.lookup import task_of
from sweepkit.tasks.requests import ExportRequest
from sweepkit.trial.checkpoint_ref import DataRef
from sweepkit.trial.request import best_checkpoint, trial_seed
from sweepkit.trial.trial import Trial

_TIMES = ("valid_seconds",)  # reported beside the model's own metrics, and not a figure of the model


def bundle_of(target: Path, sets: Sequence[str] = (), data: str | None = None) -> Path:
    """Return a local folder with the bundle that a target names.

    Args:
        target: a bundle's folder, or a sweep's YAML or folder. For a sweep without a final stage the best trial is
            exported, and again when another trial leads.
        sets: overrides of the sweep's YAML.
        data: takes the place of the sweep's `data.source`.

    Raises:
        InputError: there is no such sweep, it has no trial to export yet, or its package cannot be found.
        DataError: the prepared data or the checkpoint that the export needs is missing or damaged.
    """
    if (target / MANIFEST).is_file():
        return target
    if target.is_dir() and not (target / "manifest.json").is_file():
        what = f"this folder is neither a bundle, which has a {MANIFEST}, nor a sweep, which has a manifest.json"
        raise InputError(what, where=str(target))
    sweep = load_sweep(target, sets, data)
    yaml = Path(str(sweep.manifest.source or "the YAML")) if target.is_dir() else target
    if sweep.final:
        _require_bundle(sweep, yaml)
    elif not _has_bundle_of(sweep, best := sweep.best_trial):
        _export(sweep, best, data_key=str(sweep.manifest.data_key), yaml=yaml)
    return _local(sweep)


def _require_bundle(sweep: Sweep, yaml: Path) -> None:
    if not sweep.folder.storage.exists(f"{sweep.folder.paths.winner}/{MANIFEST}"):
        what = f"the bundle of the final stage's winner is gone; `python -m sweepkit final {yaml}` makes it again"
        raise InputError(what, where=f"{sweep.folder.storage.shown}/{sweep.folder.paths.winner}")


def _has_bundle_of(sweep: Sweep, best: Trial) -> bool:
    """Return whether the sweep has a bundle of this trial's best epoch; an unreadable one is exported again."""
    name = f"{sweep.folder.paths.winner}/{MANIFEST}"
    if not sweep.folder.storage.exists(name):
        return False
    try:
        manifest = BundleManifest.from_json(sweep.folder.storage.read_json(name))
    except (ValueError, KeyError, TypeError, AttributeError):
        return False
    # the seed too: a final stage that was interrupted may have exported a run with the same trial's number
    seed = trial_seed(sweep.config.search.seed, best.number)
    return (manifest.format, manifest.trial, manifest.epoch, manifest.seed) == (
        FORMAT,
        best.number,
        best.best_epoch,
        seed,
    )


def _export(sweep: Sweep, best: Trial, *, data_key: str, yaml: Path) -> None:
    config = sweep.config
    _find_package(config.package, yaml, where=sweep.folder.shown())
    task, storage = task_of(config.package), sweep.folder.storage
    prepared = _prepared(DataFolder(storage, config.package, data_key), task, yaml)
    data = DataRef(config.package, config.data, data_key, storage.uri)
    request = ExportRequest(
        best_checkpoint(data, best, sweep=sweep.folder.sweep, seed=config.search.seed),
        measured=measured(best, n_rows=prepared.manifest.splits["valid"].rows),
        shown_sweep=sweep.name,
        shown_trial=best.number,
        to=sweep.folder.paths.winner,
    )
    task.export(request)


def measured(trial: Trial, *, n_rows: int) -> tuple[Measured, ...]:
    """Return the validation metrics of a trial's best epoch; an accuracy has its interval over `n_rows` rows."""
    metrics = trial.reports[(trial.best_epoch or 1) - 1].metrics
    figures = []
    for name, value in metrics.items():
        if not name.startswith("valid_") or name in _TIMES:
            continue
        if name.endswith("accuracy"):
            interval = proportion_interval(round(value * n_rows), n_rows)
            figures.append(Measured(metric_words(name), value, interval.low, interval.high, n_rows))
        else:
            figures.append(Measured(metric_words(name), value))
    return tuple(figures)


def _find_package(name: str, yaml: Path, *, where: str) -> None:
    """Make the sweep package beside a YAML importable."""
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


def _local(sweep: Sweep) -> Path:
    """Return the sweep's bundle as a local folder; from a bucket, as a copy that is made once for each content."""
    storage, name = sweep.folder.storage, sweep.folder.paths.winner
    if storage.local is not None:
        return storage.path(name)
    # the manifest has the digests of the other files, so its own digest stands for the whole bundle
    digest = hashlib.sha256(storage.read(f"{name}/{MANIFEST}")).hexdigest()[:16]
    copies = Storage.at(str(Path(tempfile.gettempdir()) / "sweepkit-bundles"))
    if not copies.exists(f"{digest}/{MANIFEST}"):
        with copies.new_folder(digest, last=MANIFEST) as folder:
            storage.get_folder(name, folder)
    return copies.path(digest)
