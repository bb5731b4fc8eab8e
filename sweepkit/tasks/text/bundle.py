"""A trained classifier becomes a bundle: one folder with the network, its words, rows to check it with, and a card.

Not for finding the network: that is `export`. Try `write_bundle(folder, network, vocabulary=..., check=...,
describe=...)`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from sweepkit.bundle.export import complete, digests, save_and_reload
from sweepkit.bundle.manifest import CHECK, MODEL, CheckResult
from sweepkit.bundle.network import own_layers
from sweepkit.data.rows import Rows
from sweepkit.errors import DataError
from sweepkit.tasks.text.bundle_manifest import VOCABULARY, TextBundleManifest
from sweepkit.tasks.text.inference import inference, probabilities
from sweepkit.tasks.text.model_card import card
from sweepkit.tasks.text.predictions import Predictions
from sweepkit.tasks.text.verification import BATCH, TOLERANCE, check_result, write_check
from sweepkit.tasks.text.vocabulary import Vocabulary

Describe = Callable[[CheckResult, dict[str, str]], TextBundleManifest]


def write_bundle(
    folder: Path, network: keras.Model, *, vocabulary: Vocabulary, check: Rows, describe: Describe
) -> TextBundleManifest:
    """Fill a folder, `bundle.json` last. The network is read back from its file before anything is said of it.

    Args:
        folder: exists and is empty.
        network: trained; its optimiser and its losses are left out.
        vocabulary: of the data that it was trained on.
        check: rows with their targets, cut as the network reads them.
        describe: returns what the bundle says of itself, given what came of the check and the SHA-256 of the files so
            far, by name.

    Returns:
        What `describe` returned, with the card among the files.

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
    furthest = float(np.abs(again - before).max(initial=0.0))
    if not furthest <= TOLERANCE:
        raise DataError(
            f"the saved model must give what the model itself gives, a probability differs by {furthest:.2g}: some "
            "layer keeps a state that is not a weight, or leaves an argument out of get_config",
            where=str(folder / MODEL),
        )
