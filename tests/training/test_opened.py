"""A package, its data and its models opened in one place, whatever the task: here rows of three numbers."""

from __future__ import annotations

import gc
import importlib
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from sweepkit.data.dataset import PreparedData
from sweepkit.data.manifest import FORMAT, MANIFEST, Manifest, SplitInfo
from sweepkit.errors import DataError
from sweepkit.storage.layout import DataPaths
from sweepkit.storage.storage import Storage
from sweepkit.training.opened import OpenedData, open_data, open_trained
from sweepkit.trial.checkpoint_ref import DataRef
from sweepkit.trial.request import TrialRequest, TrialSettings, best_checkpoint, trial_seed
from sweepkit.trial.trial import Direction, Trial

pytestmark = pytest.mark.tf

PACKAGE = {
    "space.py": """
from sweepkit.config import DataSettings
from sweepkit.space import Float, Space

class Data(DataSettings):
    rows: int = 8

SPACE = Space({"rate": Float(0.01, 1.0)})

def epoch_gflop(params, n_rows, mean_tokens):
    return 0.0
""",
    "data.py": """
def reading(params, settings):
    return settings.rows
""",
    "model.py": """
import keras

def build(params, prepared):
    inputs = keras.Input((3,))
    model = keras.Model(inputs, keras.layers.Dense(1)(inputs))
    model.compile(optimizer=keras.optimizers.SGD(params["rate"]), loss="mse")
    return model
""",
}
PARAMS = {"rate": 0.1}


class Numbers:
    """The part of a task that training needs: rows whose targets are their sums, made in memory."""

    data_type = PreparedData

    def datasets(self, data: OpenedData[PreparedData]) -> Numbers:
        return self

    def train(self, params: Any, *, seed: int) -> Numbers:
        return self

    def valid(self, params: Any) -> Numbers:
        return self

    def epoch(self, number: int) -> Any:
        import tensorflow as tf

        rows = tf.random.stateless_normal((32, 3), seed=(number, 0))
        return tf.data.Dataset.from_tensor_slices((rows, tf.reduce_sum(rows, axis=1))).batch(8)


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DataRef]:
    """A package and its prepared data, which has a manifest and nothing else."""
    (tmp_path / "sums_package").mkdir()
    for name, source in PACKAGE.items():
        (tmp_path / "sums_package" / name).write_text(source)
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    importlib.invalidate_caches()
    storage = Storage.at(str(tmp_path / "runs"))
    empty = SplitInfo(rows=0, lengths={}, files=())
    splits = {"train": empty, "valid": empty, "test": empty}
    manifest = Manifest(
        format=FORMAT,
        key="0123",
        package="sums_package",
        splits=splits,
        settings={},
        source="made up",
        source_digest="",
    )
    storage.write_json(DataPaths("sums_package", "0123").manifest, asdict(manifest))
    yield DataRef("sums_package", {"rows": 4}, "0123", storage.uri)
    for name in [name for name in sys.modules if name.partition(".")[0] == "sums_package"]:
        del sys.modules[name]


def test_data_is_opened_with_its_package_and_settings(data: DataRef) -> None:
    opened = open_data(data, PreparedData)
    assert opened.prepared.manifest.source == "made up"
    assert opened.batch_settings(PARAMS) == 4
    assert opened.storage.uri == data.storage_uri


def test_data_that_is_gone_is_named(data: DataRef, tmp_path: Path) -> None:
    (tmp_path / "runs" / "data" / "sums_package-0123" / MANIFEST).unlink()
    with pytest.raises(DataError, match=r"sums_package-0123/manifest\.json: this folder holds no prepared data"):
        open_data(data, PreparedData)


def test_a_worker_trains_on_the_datasets_that_the_task_gives_and_the_trial_opens_again(
    data: DataRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sweepkit.training import devices
    from sweepkit.training.trainer import Trainer

    monkeypatch.setattr(devices, "configure", lambda **_: None)  # this process has its devices
    monkeypatch.setattr(gc, "freeze", lambda: None)
    settings = TrialSettings(
        package="sums_package",
        sweep="sums",
        storage_uri=data.storage_uri,
        data_key=data.key,
        data=data.settings,
        metric="valid_loss",
        direction=Direction.MIN,
        deterministic=False,
        threads=1,
        gpu=0.0,
        tracking_uri=None,
    )
    assert settings.data_ref == data
    trainer = Trainer(settings, lambda *_: None, Numbers())
    trainer.start(TrialRequest(number=2, params=PARAMS, seed=trial_seed(1, 2)))
    losses = [trainer.run_epoch().metrics["valid_loss"] for _ in range(3)]
    trainer.stop()
    assert losses[2] < losses[1] < losses[0]
    trial = Trial(2, PARAMS, best_value=losses[2], best_epoch=3)
    trained = open_trained(best_checkpoint(data, trial, sweep="sums", seed=1), PreparedData)
    assert trained.batch_settings == 4
    assert trained.model.evaluate(Numbers().epoch(0), verbose=0) == pytest.approx(losses[2], abs=1e-6)


def test_a_checkpoint_refers_to_the_best_epoch_and_the_trials_own_seed(data: DataRef) -> None:
    trial = Trial(7, PARAMS, best_value=0.5, best_epoch=3)
    ref = best_checkpoint(data, trial, sweep="sums", seed=1, stage="final")
    assert (ref.sweep, ref.stage, ref.trial, ref.epoch, ref.seed) == ("sums", "final", 7, 3, trial_seed(1, 7))
    assert json.loads(json.dumps(asdict(ref))) == asdict(ref)
