"""Writing a bundle: which files, in what order, and what is refused before anything claims to be complete."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from sweepkit.bundle.manifest import CARD, CHECK, MANIFEST, MODEL, CheckResult
from sweepkit.errors import DataError
from sweepkit.tasks.text.bundle import VOCABULARY, TextBundleManifest
from sweepkit.tasks.text.vocabulary import Vocabulary
from tests.support.bundles import VOCABULARY as WORDS
from tests.support.bundles import describer, random_rows

pytestmark = pytest.mark.tf

THREE = ("bad", "so-so", "good")
describe = describer({"max_len": 8}, label_names=THREE)


def write(folder: Path, network: Any, describe: Any = describe) -> TextBundleManifest:
    from sweepkit.tasks.text.export import write_bundle

    return write_bundle(folder, network, vocabulary=WORDS, check=random_rows(30, max_len=8, seed=1), describe=describe)


def test_all_files_are_there_and_every_other_one_has_its_checksum(bundle: Path) -> None:
    manifest = json.loads((bundle / MANIFEST).read_text())
    names = {path.name for path in bundle.iterdir()}
    assert names == {MODEL, VOCABULARY, CHECK, CARD, MANIFEST}
    sums = {name: hashlib.sha256((bundle / name).read_bytes()).hexdigest() for name in names - {MANIFEST}}
    assert manifest["files"] == sums
    assert Vocabulary.load(bundle / VOCABULARY) == WORDS


def test_what_is_returned_is_what_the_file_says(plain_network: Any, tmp_path: Path) -> None:
    manifest = write(tmp_path, plain_network)
    assert TextBundleManifest.from_json(json.loads((tmp_path / MANIFEST).read_text())) == manifest
    assert manifest.check.rows == 30
    assert CARD in manifest.files


def test_the_facts_are_written_last(plain_network: Any, tmp_path: Path) -> None:
    def interrupted(check: CheckResult, files: dict[str, str]) -> TextBundleManifest:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(tmp_path, plain_network, interrupted)
    assert (tmp_path / CHECK).exists()
    assert not (tmp_path / MANIFEST).exists()


def network_of(layer: Any) -> Any:
    import keras

    tokens = keras.Input((None,), dtype="int32", name="token_indexes")
    lengths = keras.Input((), dtype="int32", name="sequence_length")
    vectors = keras.layers.Embedding(len(WORDS), 4)(tokens)
    answer = keras.layers.Dense(1, activation="sigmoid")(layer(keras.ops.max(vectors, axis=1)))
    return keras.Model({"token_indexes": tokens, "sequence_length": lengths}, answer)


def test_a_layer_that_nobody_registered_is_refused(tmp_path: Path) -> None:
    import keras

    class Doubled(keras.layers.Layer):
        def call(self, inputs: Any) -> Any:
            return inputs * 2

    with pytest.raises(DataError, match=r"Doubled.*need keras.saving.register_keras_serializable and get_config"):
        write(tmp_path, network_of(Doubled()))
    assert not (tmp_path / MANIFEST).exists()


def test_code_in_a_model_is_refused(tmp_path: Path) -> None:
    import keras

    with pytest.raises(DataError, match=r"without running code of the file: .*`Lambda` layer"):
        write(tmp_path, network_of(keras.layers.Lambda(lambda x: x * 2)))


def test_a_model_that_comes_back_as_another_one_is_refused(tmp_path: Path) -> None:
    import keras

    @keras.saving.register_keras_serializable(package="forgetful")
    class Times(keras.layers.Layer):
        """Says nothing of its factor in its configuration."""

        def __init__(self, factor: float = 1.0, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.factor = factor

        def get_config(self) -> dict[str, Any]:
            return super().get_config()

        def call(self, inputs: Any) -> Any:
            return inputs * self.factor

    with pytest.raises(
        DataError, match=r"probabilities of the model itself, one differs by .* leaves an argument out of get_config"
    ):
        write(tmp_path, network_of(Times(50.0)))
    assert not (tmp_path / MANIFEST).exists()
