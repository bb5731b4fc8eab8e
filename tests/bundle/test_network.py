"""The network of a bundle: what its file holds, which layers it needs."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.tf


def test_the_file_has_neither_optimiser_nor_loss(plain_network: Any, tmp_path: Path) -> None:
    from sweepkit.bundle.network import load_network, save_network

    plain_network.optimizer.build(plain_network.trainable_variables)
    save_network(plain_network, tmp_path / "model.keras")
    with zipfile.ZipFile(tmp_path / "model.keras") as archive:
        assert not json.loads(archive.read("config.json"))["compile_config"]
        assert b"adam" not in archive.read("config.json").lower()
    loaded = load_network(tmp_path / "model.keras")
    assert getattr(loaded, "optimizer", None) is None
    assert not loaded.compiled
    # the network that was saved can go on being trained
    assert plain_network.optimizer is not None


def test_the_layers_that_plain_keras_lacks_are_named_wherever_they_are(plain_network: Any) -> None:
    import keras
    from imdb import model

    from sweepkit.bundle.network import own_layers
    from tests.support.bundles import PreparedWords

    params = {"cell": "ugrnn", "units": 4, "layers": 1, "bidirectional": True, "pooling": "max", "dropout": 0.0}
    rest = {"embedding": "scratch", "embedding_dim": 4, "optimizer": "adam", "learning_rate": 0.1}
    ours = ["DistinctTokens", "MaxOverTime", "ReverseRows", "TokenEmbedding", "UGRNN"]
    assert own_layers(model.build({**params, **rest}, PreparedWords())) == (ours, [])
    assert own_layers(plain_network) == ([], [])

    class Doubled(keras.layers.Layer):
        def call(self, inputs: Any) -> Any:
            return inputs * 2

    inputs = keras.Input((2,))
    assert own_layers(keras.Model(inputs, Doubled()(inputs))) == ([], ["Doubled"])
