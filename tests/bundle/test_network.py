"""The network of a bundle: what its file holds, which layers it needs, and that batches do not matter."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.bundles import random_rows

pytestmark = pytest.mark.tf


def ragged(n_rows: int, *, max_len: int = 30, seed: int = 0) -> list[np.ndarray]:
    rows = random_rows(n_rows, max_len=max_len, seed=seed)
    return np.split(rows.tokens, rows.offsets[1:-1])


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


def test_rows_keep_their_order_and_labels_add_up_to_one(plain_network: Any) -> None:
    from sweepkit.bundle.network import inference, probabilities

    infer, rows = inference(plain_network), ragged(70)
    together = probabilities(infer, rows, batch_size=16)
    alone = np.concatenate([probabilities(infer, [row]) for row in rows])
    assert together.shape == (70, 3)
    np.testing.assert_allclose(together.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(together, alone, atol=1e-6)


def test_progress_counts_rows(plain_network: Any) -> None:
    from sweepkit.bundle.network import inference, probabilities

    seen: list[tuple[int, int]] = []
    probabilities(inference(plain_network), ragged(20), batch_size=8, progress=lambda *step: seen.append(step))
    assert seen == [(8, 20), (16, 20), (20, 20)]


def test_no_rows_are_no_answers(plain_network: Any) -> None:
    from sweepkit.bundle.network import inference, probabilities

    assert len(probabilities(inference(plain_network), [])) == 0


def test_a_network_is_traced_once_for_all_lengths(plain_network: Any) -> None:
    from sweepkit.bundle.network import inference, probabilities

    calls: list[None] = []

    class Counted:
        def __call__(self, inputs: Any, training: bool) -> Any:
            calls.append(None)
            return plain_network(inputs, training=training)

    infer = inference(Counted())
    for n_rows, max_len in ((3, 5), (8, 30), (1, 2)):
        probabilities(infer, ragged(n_rows, max_len=max_len), batch_size=4)
    assert len(calls) == 1
