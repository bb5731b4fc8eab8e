"""What several tests need: a real sweep package and YAML in a temporary folder."""

from __future__ import annotations

import itertools
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.sweep_files import TOY_SPACE

_numbers = itertools.count()


def pytest_configure() -> None:
    # a shell that starts tests in its background has them ignore Ctrl-C, and all that they start: some of them press it
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def sweep_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Path]]:
    """Write a YAML beside a toy package; `{package}` in the text becomes the package's name.

    Each call makes a package of its own name, because a process imports a name once.
    """
    monkeypatch.setattr(sys, "path", [*sys.path])
    names: list[str] = []

    def write(text: str, *, space: str = TOY_SPACE, encoding: str = "utf-8") -> Path:
        names.append(f"toy_{next(_numbers)}")
        folder = tmp_path / names[-1]
        folder.mkdir()
        (folder / "space.py").write_text(space, encoding="utf-8")
        path = tmp_path / f"{names[-1]}.yaml"
        path.write_text(text.replace("{package}", names[-1]), encoding=encoding)
        return path

    yield write
    for module in [module for module in sys.modules if module.partition(".")[0] in names]:
        del sys.modules[module]


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny LSTM that reads the last 12 tokens; nobody changes it."""
    from tests.support.bundles import write_tiny_bundle

    folder = tmp_path_factory.mktemp("bundle")
    write_tiny_bundle(folder)
    return folder


@pytest.fixture(scope="session")
def plain_network() -> Any:
    """A compiled and trained network of Keras' own layers that tells three labels apart."""
    import keras

    from tests.support.bundles import VOCABULARY

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


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Made-up texts, prepared in small shards; nobody changes them."""
    from sweepkit.storage.storage import Storage
    from sweepkit.tasks.text import build
    from tests.support.made_up_texts import MadeUp, prepare

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build, "_SHARD_ROWS", 50)
        return prepare(Storage.at(str(tmp_path_factory.mktemp("prepared"))), MadeUp(n_rows=1_200))
