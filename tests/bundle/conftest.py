"""A bundle that tests read and nobody changes, and networks that are not those of a sweep package."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.bundles import VOCABULARY, write_tiny_bundle


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny LSTM that reads the last 12 tokens; nobody changes it."""
    folder = tmp_path_factory.mktemp("bundle")
    write_tiny_bundle(folder)
    return folder


@pytest.fixture(scope="session")
def plain_network() -> Any:
    """A compiled and trained network of Keras' own layers that tells three labels apart."""
    import keras

    keras.utils.set_random_seed(5)
    tokens = keras.Input((None,), dtype="int32", name="token_indexes")
    lengths = keras.Input((), dtype="int32", name="sequence_length")
    # padding is index 0, whose vector starts at zero and stays there: nothing of it reaches the sum
    vectors = keras.layers.Embedding(len(VOCABULARY), 4, embeddings_initializer="normal", name="vectors")(tokens)
    keep = keras.ops.cast(keras.ops.expand_dims(tokens > 0, -1), "float32")
    total = keras.ops.sum(vectors * keep, axis=1)
    mean = total / keras.ops.expand_dims(keras.ops.cast(lengths, "float32"), -1)
    answer = keras.layers.Dense(3, activation="softmax")(mean)
    network = keras.Model({"token_indexes": tokens, "sequence_length": lengths}, answer)
    network.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return network
