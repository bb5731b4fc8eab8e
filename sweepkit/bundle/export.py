"""A trained network becomes a bundle: one folder with the network, its words, rows to check it with, and a card.

Not for finding the network: that is `export`. Try `write_bundle(folder, network, vocabulary=..., check=...,
describe=...)`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from sweepkit.bundle.manifest import CARD, CHECK, FACTS, MODEL, VOCABULARY, BundleManifest, CheckResult
from sweepkit.bundle.network import inference, load_network, own_layers, probabilities, reason, save_network
from sweepkit.data.rows import Rows
from sweepkit.errors import DataError
from sweepkit.storage.digests import file_info
from sweepkit.tasks.text.model_card import card
from sweepkit.tasks.text.predictions import Predictions
from sweepkit.tasks.text.verification import BATCH, TOLERANCE, check_facts, write_check
from sweepkit.tasks.text.vocabulary import Vocabulary

Describe = Callable[[CheckResult, dict[str, str]], BundleManifest]


def write_bundle(
    folder: Path, network: keras.Model, *, vocabulary: Vocabulary, check: Rows, describe: Describe
) -> BundleManifest:
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
    loaded = _through_file(network, folder / MODEL)
    found, wanted = (probabilities(inference(model), rows, batch_size=BATCH) for model in (loaded, network))
    _compare(found, wanted, folder)
    checked = Predictions(check.targets, found)
    vocabulary.save(folder / VOCABULARY)
    write_check(folder / CHECK, rows, checked)
    files = {name: _sha256(folder / name) for name in (MODEL, VOCABULARY, CHECK)}
    facts = describe(check_facts(checked), files)
    (folder / CARD).write_text(card(facts, *own_layers(loaded)), encoding="utf-8", newline="\n")
    facts = replace(facts, files={**files, CARD: _sha256(folder / CARD)})
    (folder / FACTS).write_text(json.dumps(facts.to_json(), indent=1) + "\n", encoding="utf-8", newline="\n")
    return facts


def _through_file(network: keras.Model, path: Path) -> keras.Model:
    try:
        save_network(network, path)
        return load_network(path)
    except (ValueError, TypeError, NotImplementedError) as error:
        raise DataError(
            f"the model can't be saved so that it loads again without running code of the file: {reason(error)}; "
            "layers of a sweep package need keras.saving.register_keras_serializable and get_config; make a class of a "
            "Lambda layer",
            where=path.name,
        ) from error


def _compare(found: NDArray[np.float32], wanted: NDArray[np.float32], folder: Path) -> None:
    furthest = float(np.abs(found - wanted).max(initial=0.0))
    if not furthest <= TOLERANCE:
        raise DataError(
            f"the saved model must give what the model itself gives, a probability differs by {furthest:.2g}: some "
            "layer keeps a state that is no weight, or leaves an argument out of get_config",
            where=str(folder / MODEL),
        )


def _sha256(path: Path) -> str:
    return file_info(path).sha256
