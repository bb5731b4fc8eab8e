"""From a checkpoint in a storage to a bundle that gives the trial's own answers."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from sweepkit.bundle.manifest import MANIFEST, Measured
from sweepkit.errors import DataError
from sweepkit.storage.layout import SweepPaths
from sweepkit.storage.storage import Storage
from sweepkit.storage.sweep_folder import SweepFolder
from sweepkit.tasks.text.dataset import PreparedTexts
from sweepkit.tasks.text.word_vectors import VectorFile
from sweepkit.trial.checkpoint_ref import CheckpointRef, DataRef
from tests.support.made_up_texts import WORDS, MadeUp, prepare

if TYPE_CHECKING:
    import keras

    from sweepkit.tasks.requests import ExportRequest

pytestmark = pytest.mark.tf
ROOT = Path(__file__).parents[3]
TEXTS = ["great film", "poor plot, long scene " * 9, "camera"]
RECURRENT = {"units": 4, "layers": 1, "bidirectional": False, "pooling": "last"}
REST = {"dropout": 0.2, "max_len": 8, "optimizer": "adam", "learning_rate": 0.01, "batch_size": 16, "clip": False}
EMBEDDINGS = {
    "scratch": {"embedding": "scratch", "embedding_dim": 6},
    "glove": {"embedding": "glove", "glove_dim": 5},
    "frozen": {"embedding": "glove_frozen", "glove_dim": 5},
}


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Storage:
    return Storage.at(str(tmp_path_factory.mktemp("runs")))


@pytest.fixture(scope="module")
def prepared(storage: Storage, tmp_path_factory: pytest.TempPathFactory) -> PreparedTexts:
    """80 rows of train and some more than 256 of validation, with vectors of 5 values."""
    vectors = tmp_path_factory.mktemp("vectors") / "vectors.txt"
    rng = np.random.default_rng(0)
    vectors.write_text("".join(f"{word} {' '.join(f'{v:.3f}' for v in rng.normal(size=5))}\n" for word in WORDS))
    source = MadeUp(n_rows=480, vectors={5: VectorFile(vectors, 5)})
    labels = {"package": "imdb", "label_names": ("negative", "positive"), "vector_dims": (5,)}
    return prepare(storage, source, valid_fraction=0.75, **labels)


def trained(storage: Storage, prepared: PreparedTexts, params: dict[str, Any], *, trial: int) -> keras.Model:
    """Write a checkpoint of a network whose weights are not those that it starts with."""
    import keras
    from imdb import model

    from sweepkit.training import checkpoints

    keras.utils.set_random_seed(trial)
    network = model.build(params, prepared)
    rng = np.random.default_rng(trial)
    network.set_weights([weights + rng.normal(0, 0.3, weights.shape) for weights in network.get_weights()])
    state = checkpoints.CheckpointState(number=trial, epoch=2, reports=(), params=params, seed=5)
    checkpoints.save(SweepFolder(storage, "cells").trial(trial), network, state)
    return network


def task(storage: Storage, prepared: PreparedTexts, params: dict[str, Any], *, trial: int) -> ExportRequest:
    from sweepkit.tasks.requests import ExportRequest

    data = DataRef("imdb", {"source": "sample"}, prepared.manifest.key, storage.uri)
    return ExportRequest(
        CheckpointRef(data, "cells", trial, epoch=2, params=params, seed=5),
        measured=(Measured("validation accuracy", 0.5),),
        shown_sweep="cells",
        shown_trial=trial,
        to=f"{SweepPaths('cells').root}/bundle-{trial}",
    )


POINTS = {
    f"{cell}-{name}": {**REST, **({"cell": cell} if cell == "none" else {"cell": cell, **RECURRENT}), **embedding}
    for cell in ("lstm", "gru", "ugrnn", "rnn", "none")
    for name, embedding in EMBEDDINGS.items()
} | {"deep": {**REST, **RECURRENT, **EMBEDDINGS["scratch"], "cell": "lstm", "layers": 2, "bidirectional": True}}


@pytest.mark.parametrize("number", range(len(POINTS)), ids=list(POINTS))
def test_a_loaded_bundle_answers_as_the_trial_did(storage: Storage, prepared: PreparedTexts, number: int) -> None:
    import sweepkit
    from sweepkit.tasks.text.export import export
    from sweepkit.tasks.text.verification import check

    params = list(POINTS.values())[number]
    network = trained(storage, prepared, params, trial=number)
    manifest = export(task(storage, prepared, params, trial=number))
    folder = storage.path(f"sweeps/cells/bundle-{number}")
    model = sweepkit.load(folder)
    assert model.manifest == manifest
    assert check(model, folder) == manifest.check
    rows = [model.read(text).indexes for text in TEXTS]
    np.testing.assert_allclose(model.probabilities(rows), answers(network, rows), atol=1e-6)


def answers(network: keras.Model, rows: list[np.ndarray]) -> np.ndarray:
    """Ask a network as training's validation does."""
    lengths = np.array([len(row) for row in rows], np.int32)
    tokens = np.stack([np.pad(row, (0, max(lengths) - len(row))) for row in rows])
    positive = network.predict_on_batch({"token_indexes": tokens, "sequence_length": lengths})
    return np.concatenate([1 - positive, positive], axis=1)


@pytest.fixture(scope="module")
def exported(storage: Storage, prepared: PreparedTexts) -> ExportRequest:
    """A trial with a checkpoint, and its bundle."""
    from sweepkit.tasks.text.export import export

    made = task(storage, prepared, POINTS["gru-scratch"], trial=70)
    trained(storage, prepared, POINTS["gru-scratch"], trial=70)
    export(made)
    return made


def test_the_facts_are_those_of_trial_and_data(
    storage: Storage, prepared: PreparedTexts, exported: ExportRequest
) -> None:
    manifest = storage.read_json(f"{exported.to}/{MANIFEST}")
    assert (manifest["sweep"], manifest["trial"], manifest["epoch"], manifest["seed"]) == ("cells", 70, 2, 5)
    assert manifest["point"] == POINTS["gru-scratch"]
    assert manifest["label_names"] == ["negative", "positive"]
    assert manifest["text"] == {"lower": True, "max_len": 8, "keep": "tail"}
    assert manifest["data_key"] == prepared.manifest.key
    assert manifest["measured"][0]["name"] == "validation accuracy"
    assert "keras" in manifest["versions"]


def test_256_rows_of_validation_are_kept_as_the_model_reads_them(
    storage: Storage, prepared: PreparedTexts, exported: ExportRequest
) -> None:
    from sweepkit.data.tfrecords import read_shards
    from sweepkit.tasks.text.verification import read_check

    rows, found = read_check(storage.path(f"{exported.to}/check.parquet"))
    assert len(rows) == len(found.targets) == 256
    valid = read_shards(prepared.shards("valid"))
    whole = [row.tolist() for row in np.split(valid.tokens, valid.offsets[1:-1])]
    assert len(whole) > 256
    assert max(map(len, whole)) > 8 == max(map(len, rows))
    tails = {(tuple(row[-8:]), target) for row, target in zip(whole, valid.targets.tolist(), strict=True)}
    assert {(tuple(row.tolist()), target) for row, target in zip(rows, found.targets.tolist(), strict=True)} <= tails


def test_the_rows_are_the_same_in_every_bundle_of_the_data(prepared: PreparedTexts) -> None:
    from sweepkit.data.batches import BatchSettings
    from sweepkit.tasks.text.export import check_rows

    first, again = (check_rows(prepared, BatchSettings(batch_size=size, max_len=8)) for size in (16, 64))
    np.testing.assert_array_equal(first.tokens, again.tokens)
    head = check_rows(prepared, BatchSettings(batch_size=16, max_len=3, keep="head"))
    np.testing.assert_array_equal(first.targets, head.targets)
    assert set(head.lengths.tolist()) <= {2, 3}


def test_an_export_takes_the_place_of_what_is_there(storage: Storage, exported: ExportRequest) -> None:
    from sweepkit.tasks.text.export import export

    storage.write_json("sweeps/dated/manifest.json", {"commit": "0ldc0de"})
    storage.write("sweeps/dated/winner/left-over", b"")
    manifest = export(replace(exported, shown_sweep="dated", to="sweeps/dated/winner"))
    assert not storage.exists("sweeps/dated/winner/left-over")
    # a worker's copy of the package is in no repository, so the commit is the one that the sweep began with
    assert (manifest.sweep, manifest.commit) == ("dated", "0ldc0de")


def test_what_is_missing_is_named_and_nothing_is_left(storage: Storage, exported: ExportRequest) -> None:
    from sweepkit.tasks.text.export import export

    missing, data = replace(exported.checkpoint, trial=99), replace(exported.checkpoint.data, key="0" * 16)
    other = replace(exported.checkpoint, data=data)
    with pytest.raises(DataError, match=r"trials/0099/checkpoints/epoch-0002: there is no checkpoint here"):
        export(replace(exported, checkpoint=missing, to="sweeps/cells/none"))
    with pytest.raises(DataError, match="holds no prepared data"):
        export(replace(exported, checkpoint=other, to="sweeps/cells/none"))
    assert not storage.exists("sweeps/cells/none")


def test_it_runs_as_a_task_in_a_process_of_its_own(storage: Storage, exported: ExportRequest, tmp_path: Path) -> None:
    """As on a worker: on one thread, from pickled arguments; loaded here, with more threads, the bits are the same."""
    import sweepkit
    from sweepkit.tasks.text.verification import BATCH, read_check

    there = replace(exported, to="sweeps/cells/elsewhere")
    (tmp_path / "task").write_bytes(pickle.dumps(there))
    program = (
        "import pickle, sys, pathlib\n"
        "from sweepkit.tasks.worker import export\n"
        "task = pickle.loads(pathlib.Path(sys.argv[1]).read_bytes())\n"
        "export(task), export(task)\n"  # a worker is used more than once
        "import tensorflow as tf\n"
        "print(tf.config.threading.get_intra_op_parallelism_threads())"
    )
    environment = os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT / 'sweeps'}"}
    command = [sys.executable, "-c", program, str(tmp_path / "task")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "1"
    folder = storage.path(there.to)
    rows, recorded = read_check(folder / "check.parquet")
    found = sweepkit.load(folder).probabilities(rows, batch_size=BATCH)
    np.testing.assert_array_equal(found, recorded.probabilities)


def test_a_process_that_has_computed_already_can_export(storage: Storage, exported: ExportRequest) -> None:
    import tensorflow as tf

    from sweepkit.tasks.worker import export

    tf.constant(1) + 1  # from now on threads are as they are
    assert export(exported).trial == 70
    assert json.loads(storage.read(f"{exported.to}/{MANIFEST}"))["trial"] == 70
