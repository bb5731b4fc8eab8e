"""A checkpoint becomes a bundle in the storage. `tasks.worker.export` runs it on a worker.

Try `export(ExportRequest(...))`; it needs the sweep package, its prepared data and the storage, and no more.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass

import numpy as np

from sweepkit import provenance
from sweepkit.bundle.manifest import FACTS, CheckResult
from sweepkit.config.package import Package
from sweepkit.data.batches import BatchSettings
from sweepkit.data.rows import Rows
from sweepkit.data.tfrecords import read_shards
from sweepkit.storage.layout import SweepPaths
from sweepkit.storage.storage import Storage
from sweepkit.tasks.requests import ExportRequest
from sweepkit.tasks.text.bundle import write_bundle
from sweepkit.tasks.text.bundle_manifest import TextBundleManifest, TextSettings
from sweepkit.tasks.text.dataset import PreparedTexts
from sweepkit.training.opened import TrainedTrial, open_trained

_CHECK_ROWS = 256
_CHECK_SEED = 0  # the same rows in every bundle of the same data


def export(request: ExportRequest) -> TextBundleManifest:
    """Make a bundle on whatever devices this process has.

    Raises:
        DataError: the prepared data or the checkpoint is missing or damaged, or the model cannot be saved.
    """
    trained = open_trained(request.checkpoint, PreparedTexts)
    prepared, storage = trained.data.prepared, trained.data.storage
    description = _Description(request, trained, _commit(storage, request.shown_sweep, trained.data.package))
    with storage.new_folder(request.to, last=FACTS) as folder:
        check, vocabulary = check_rows(prepared, trained.batch_settings), prepared.vocabulary()
        return write_bundle(folder, trained.model, vocabulary=vocabulary, check=check, describe=description.complete)


def check_rows(prepared: PreparedTexts, reading: BatchSettings) -> Rows:
    """Return rows of validation, cut as a trial reads them; always the same ones of the same data."""
    rows = read_shards(prepared.shards("valid"))
    order = np.random.default_rng(_CHECK_SEED).permutation(len(rows))
    chosen = rows.take(np.sort(order[:_CHECK_ROWS]))
    kept = slice(-reading.max_len, None) if reading.keep == "tail" else slice(reading.max_len)
    return Rows.of(
        [row[kept].tolist() for row in np.split(chosen.tokens, chosen.offsets[1:-1])], chosen.targets.tolist()
    )


def _commit(storage: Storage, sweep: str, package: Package) -> str | None:
    """Return the commit that the sweep began with; a worker's copy of the package is in no repository."""
    name = SweepPaths(sweep).manifest
    if storage.exists(name):
        commit: str | None = storage.read_json(name).get("commit")
        return commit
    return provenance.code_state(package.folder).commit


@dataclass(frozen=True)
class _Description:
    """What a bundle says of itself besides the network's own figures."""

    request: ExportRequest
    trained: TrainedTrial[PreparedTexts]
    commit: str | None

    def complete(self, check: CheckResult, files: dict[str, str]) -> TextBundleManifest:
        request, checkpoint, settings = self.request, self.request.checkpoint, self.trained.batch_settings
        manifest = self.trained.data.prepared.manifest
        # settings of a recipe, which preparation cuts texts by
        lower = bool(manifest.settings["lower"])
        return TextBundleManifest(
            package=checkpoint.data.package,
            sweep=request.shown_sweep,
            trial=request.shown_trial,
            epoch=checkpoint.epoch,
            seed=checkpoint.seed,
            params=dict(checkpoint.params),
            label_names=manifest.label_names,
            text=TextSettings(lower, settings.max_len, settings.keep),
            data_key=checkpoint.data.key,
            measured=request.measured,
            check=check,
            versions=provenance.versions(),
            commit=self.commit,
            created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            files=files,
        )
