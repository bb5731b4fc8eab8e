"""The export of a checkpoint as a bundle in the storage. `tasks.worker.export` runs it on a worker.

Try `export(ExportRequest(...))`; it needs the sweep package, its prepared data and the storage.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from sweepkit import provenance
from sweepkit.bundle.export import complete, digests, save_and_reload
from sweepkit.bundle.manifest import CHECK, MANIFEST, MODEL, CheckResult
from sweepkit.bundle.network import own_layers
from sweepkit.config.package import Package
from sweepkit.data.batches import BatchSettings
from sweepkit.data.rows import Rows
from sweepkit.data.tfrecords import read_shards
from sweepkit.errors import DataError
from sweepkit.storage.layout import SweepPaths
from sweepkit.storage.storage import Storage
from sweepkit.tasks.requests import ExportRequest
from sweepkit.tasks.text.bundle import VOCABULARY, TextBundleManifest, TextSettings
from sweepkit.tasks.text.dataset import PreparedTexts
from sweepkit.tasks.text.inference import inference, probabilities
from sweepkit.tasks.text.model_card import card
from sweepkit.tasks.text.predictions import Predictions
from sweepkit.tasks.text.verification import BATCH, TOLERANCE, check_result, write_check
from sweepkit.tasks.text.vocabulary import Vocabulary
from sweepkit.training.opened import TrainedTrial, open_trained

Describe = Callable[[CheckResult, dict[str, str]], TextBundleManifest]

_CHECK_ROWS = 256
_CHECK_SEED = 0  # the same rows in every bundle of the same data


def export(request: ExportRequest) -> TextBundleManifest:
    """Export a bundle, on the devices of this process.

    Raises:
        DataError: the prepared data or the checkpoint is missing or damaged, or the model cannot be saved.
    """
    trained = open_trained(request.checkpoint, PreparedTexts)
    prepared, storage = trained.data.prepared, trained.data.storage
    description = _Description(request, trained, _commit(storage, request.shown_sweep, trained.data.package))
    with storage.new_folder(request.to, last=MANIFEST) as folder:
        check, vocabulary = check_rows(prepared, trained.batch_settings), prepared.vocabulary()
        return write_bundle(folder, trained.model, vocabulary=vocabulary, check=check, describe=description.complete)


def check_rows(prepared: PreparedTexts, settings: BatchSettings) -> Rows:
    """Return rows of validation, cut as a trial reads them; of the same data always the same ones."""
    rows = read_shards(prepared.shards("valid"))
    order = np.random.default_rng(_CHECK_SEED).permutation(len(rows))
    chosen = rows.take(np.sort(order[:_CHECK_ROWS]))
    kept = slice(-settings.max_len, None) if settings.keep == "tail" else slice(settings.max_len)
    return Rows.of(
        [row[kept].tolist() for row in np.split(chosen.tokens, chosen.offsets[1:-1])], chosen.targets.tolist()
    )


def write_bundle(
    folder: Path, network: keras.Model, *, vocabulary: Vocabulary, check: Rows, describe: Describe
) -> TextBundleManifest:
    """Fill a folder, `bundle.json` last. The manifest describes the network as loaded from its file.

    Args:
        folder: exists and is empty.
        network: trained; its optimiser and its losses are left out.
        vocabulary: of the training data.
        check: rows with their targets, cut as the network reads them.
        describe: returns the manifest, from the result of the check and the SHA-256 of the files so far, by name.

    Returns:
        The manifest, with the card among the files.

    Raises:
        DataError: the network cannot be saved, or its file gives other probabilities than the network itself.
    """
    rows = np.split(check.tokens, check.offsets[1:-1])
    loaded = save_and_reload(network, folder / MODEL)
    again, before = (probabilities(inference(model), rows, batch_size=BATCH) for model in (loaded, network))
    _compare(again, before, folder)
    checked = Predictions(check.targets, again)
    vocabulary.save(folder / VOCABULARY)
    write_check(folder / CHECK, rows, checked)
    manifest = describe(check_result(checked), digests(folder, (MODEL, VOCABULARY, CHECK)))
    return complete(folder, manifest, card(manifest, *own_layers(loaded)))


def _compare(again: NDArray[np.float32], before: NDArray[np.float32], folder: Path) -> None:
    largest = float(np.abs(again - before).max(initial=0.0))
    if not largest <= TOLERANCE:
        raise DataError(
            f"the saved model must give the probabilities of the model itself, one differs by {largest:.2g}: some "
            "layer keeps a state that is not a weight, or leaves an argument out of get_config",
            where=str(folder / MODEL),
        )


def _commit(storage: Storage, sweep: str, package: Package) -> str | None:
    """Return the commit that the sweep began with; a worker's copy of the package is outside of any repository."""
    name = SweepPaths(sweep).manifest
    if storage.exists(name):
        commit: str | None = storage.read_json(name).get("commit")
        return commit
    return provenance.code_state(package.folder).commit


@dataclass(frozen=True)
class _Description:
    """The parts of a manifest that are independent of the saved network."""

    request: ExportRequest
    trained: TrainedTrial[PreparedTexts]
    commit: str | None

    def complete(self, check: CheckResult, files: dict[str, str]) -> TextBundleManifest:
        request, checkpoint, settings = self.request, self.request.checkpoint, self.trained.batch_settings
        manifest = self.trained.data.prepared.manifest
        # a setting of the recipe, by which preparation tokenised the texts
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
