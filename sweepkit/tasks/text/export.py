"""A checkpoint becomes a bundle in the storage. `tasks.export` runs it on a worker.

Try `export_here(ExportTask(...))`; it needs the sweep package, its prepared data and the storage, and no more.
"""

from __future__ import annotations

import datetime
import tempfile
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from sweepkit import provenance
from sweepkit.bundle.export import write_bundle
from sweepkit.bundle.manifest import FACTS, BundleManifest, CheckResult, TextSettings
from sweepkit.config.package import Package, import_package
from sweepkit.data.batches import BatchSettings
from sweepkit.data.dataset import PreparedData
from sweepkit.data.rows import Rows
from sweepkit.data.tfrecords import read_shards
from sweepkit.storage.layout import DataPaths, SweepPaths
from sweepkit.storage.storage import Storage
from sweepkit.tasks.text.export_task import ExportTask
from sweepkit.training import checkpoints

_CHECK_ROWS = 256
_CHECK_SEED = 0  # the same rows in every bundle of the same data


def export_here(task: ExportTask) -> BundleManifest:
    """Make a bundle on whatever devices this process has.

    Raises:
        DataError: the prepared data or the checkpoint is missing or damaged, or the model cannot be saved.
    """
    storage, package = Storage.at(task.storage_uri), import_package(task.package)
    name = DataPaths(task.package, task.data_key).root
    prepared = PreparedData.open(storage.local_folder(name, Path(tempfile.gettempdir()) / "sweepkit-data"))
    reading = package.data_module().reading(task.params, package.data_model.model_validate(dict(task.data)))
    network = _trained(task, storage, package, prepared)
    maker = _Maker(task, prepared, reading, _commit(storage, task, package))
    with storage.new_folder(task.to, last=FACTS) as folder:
        check = check_rows(prepared, reading)
        return write_bundle(folder, network, vocabulary=prepared.vocabulary(), check=check, describe=maker.describe)


def check_rows(prepared: PreparedData, reading: BatchSettings) -> Rows:
    """Return rows of validation, cut as a trial reads them; always the same ones of the same data."""
    rows = read_shards(prepared.shards("valid"))
    order = np.random.default_rng(_CHECK_SEED).permutation(len(rows))
    chosen = rows.take(np.sort(order[:_CHECK_ROWS]))
    kept = slice(-reading.max_len, None) if reading.keep == "tail" else slice(reading.max_len)
    return Rows.of(
        [row[kept].tolist() for row in np.split(chosen.tokens, chosen.offsets[1:-1])], chosen.targets.tolist()
    )


def _trained(task: ExportTask, storage: Storage, package: Package, prepared: PreparedData) -> keras.Model:
    keras.utils.set_random_seed(task.seed)  # for layers that draw what they do not keep as a weight
    network = package.model_module().build(dict(task.params), prepared)
    checkpoints.load_weights(
        storage, SweepPaths(task.sweep, task.stage).trial(task.trial).checkpoint(task.epoch), network
    )
    return network


def _commit(storage: Storage, task: ExportTask, package: Package) -> str | None:
    """Return the commit that the sweep began with; a worker's copy of the package is in no repository."""
    name = SweepPaths(task.shown_sweep).manifest
    if storage.exists(name):
        commit: str | None = storage.read_json(name).get("commit")
        return commit
    return provenance.code_state(package.folder).commit


@dataclass(frozen=True)
class _Maker:
    """What `BundleManifest` are made of besides the network's own figures."""

    task: ExportTask
    prepared: PreparedData
    reading: BatchSettings
    commit: str | None

    def describe(self, check: CheckResult, files: dict[str, str]) -> BundleManifest:
        task, manifest = self.task, self.prepared.manifest
        # settings of a recipe, which preparation cuts texts by
        lower = bool(manifest.settings["lower"])
        return BundleManifest(
            package=task.package,
            sweep=task.shown_sweep,
            trial=task.shown_trial,
            epoch=task.epoch,
            seed=task.seed,
            params=dict(task.params),
            label_names=manifest.label_names,
            text=TextSettings(lower, self.reading.max_len, self.reading.keep),
            data_key=task.data_key,
            measured=task.measured,
            check=check,
            versions=provenance.versions(),
            commit=self.commit,
            created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            files=files,
        )
