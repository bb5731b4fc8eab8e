"""What every export of a Keras model does: save it so that it loads again, and complete the folder.

A task adds files of its own. Try `complete(folder, manifest, "# a model card")`.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import keras

from sweepkit.bundle.manifest import CARD, MANIFEST, BundleManifest
from sweepkit.bundle.network import load_network, reason, save_network
from sweepkit.errors import DataError
from sweepkit.storage.digests import file_info

B = TypeVar("B", bound=BundleManifest)


def save_and_reload(network: keras.Model, path: Path) -> keras.Model:
    """Save a network and load it again, as users of the bundle do.

    Raises:
        DataError: the network cannot be saved so that it loads again.
    """
    try:
        save_network(network, path)
        return load_network(path)
    except (ValueError, TypeError, NotImplementedError) as error:
        raise DataError(
            f"the model can't be saved so that it loads again without running code of the file: {reason(error)}; "
            "layers of a sweep package need keras.saving.register_keras_serializable and get_config; replace a "
            "Lambda layer by a class",
            where=path.name,
        ) from error


def digests(folder: Path, names: tuple[str, ...]) -> dict[str, str]:
    """Return the SHA-256 of files in a folder, by name."""
    return {name: file_info(folder / name).sha256 for name in names}


def complete(folder: Path, manifest: B, card: str) -> B:
    """Write the model card and then `bundle.json`, which makes the folder a bundle; return the manifest."""
    (folder / CARD).write_text(card, encoding="utf-8", newline="\n")
    manifest = replace(manifest, files={**manifest.files, **digests(folder, (CARD,))})
    (folder / MANIFEST).write_text(json.dumps(manifest.to_json(), indent=1) + "\n", encoding="utf-8", newline="\n")
    return manifest
