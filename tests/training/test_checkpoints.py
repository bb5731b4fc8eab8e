"""Checkpoints: a trial that goes on from one gives the numbers of a trial that was never interrupted."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.fs as pafs
import pytest

from sweepkit.errors import DataError
from sweepkit.storage.storage import Storage
from sweepkit.storage.sweep_folder import SweepFolder, TrialFolder
from sweepkit.trial.trial import Report

if TYPE_CHECKING:
    import keras

    from sweepkit.training.checkpoints import CheckpointState

pytestmark = [
    pytest.mark.tf,
    # Keras 3.15 copies its variables to NumPy 2 in a way that NumPy means to drop
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"),
]
TOKENS = np.random.default_rng(0).integers(0, 30, (24, 6)).astype("int32")
TARGETS = (TOKENS.sum(axis=1) % 2).astype("int32")


@pytest.fixture(params=["folder", "elsewhere"])
def anywhere(request: pytest.FixtureRequest, tmp_path: Path) -> TrialFolder:
    if request.param == "folder":
        return trial(Storage.at(str(tmp_path)))
    return trial(Storage(pafs.SubTreeFileSystem(str(tmp_path), pafs.LocalFileSystem()), ""))


@pytest.fixture
def folder(tmp_path: Path) -> TrialFolder:
    return trial(Storage.at(str(tmp_path)))


def trial(storage: Storage) -> TrialFolder:
    return SweepFolder(storage, "some").trial(7)


def built(units: int = 5) -> keras.Model:
    """A compiled model with all that is easily lost: two dropouts, running means, an optimiser's momenta."""
    import keras

    model = keras.Sequential(
        [
            keras.Input((None,), dtype="int32"),
            keras.layers.Embedding(30, 8),
            keras.layers.Dropout(0.3),
            keras.layers.GlobalAveragePooling1D(),
            keras.layers.Dense(units, "tanh"),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(1, "sigmoid"),
        ]
    )
    model.compile(keras.optimizers.Adam(0.01), "binary_crossentropy", metrics=["accuracy"])
    return model


def trained(model: keras.Model, *, epochs: int) -> keras.Model:
    for _ in range(epochs):
        model.fit(TOKENS, TARGETS, batch_size=8, shuffle=False, verbose=0)
    return model


def untrained(units: int = 5) -> keras.Model:
    """A model that can be saved without the seconds that compiling a training step takes."""
    model = built(units)
    model.optimizer.build(model.trainable_variables)
    return model


def state(epoch: int = 1) -> CheckpointState:
    from sweepkit.training.checkpoints import CheckpointState

    reports = tuple(Report(n, {"loss": 1 / n}, 1.7e9 + n / 3) for n in range(1, epoch + 1))
    return CheckpointState(7, epoch, reports, {"cell": "gru", "units": 8, "rate": 0.1, "both": True}, 2**40)


def values_of(model: keras.Model) -> list[Any]:
    return [variable.numpy() for variable in [*model.variables, *model.optimizer.variables]]


def assert_same_values(one: keras.Model, other: keras.Model) -> None:
    for ours, theirs in zip(values_of(one), values_of(other), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_continued_trial_equals_an_uninterrupted_one_to_the_bit(anywhere: TrialFolder) -> None:
    import keras

    from sweepkit.training import checkpoints

    keras.utils.set_random_seed(3)
    uninterrupted = trained(built(), epochs=1)
    checkpoints.save(anywhere, uninterrupted, state())
    trained(uninterrupted, epochs=2)
    keras.utils.set_random_seed(99)  # another process would have drawn other initial weights
    continued = built()
    checkpoints.restore(anywhere, continued)
    assert_same_values(trained(continued, epochs=2), uninterrupted)


def test_restoring_gives_back_the_state_as_it_was(anywhere: TrialFolder) -> None:
    from sweepkit.training import checkpoints

    checkpoints.save(anywhere, untrained(), state(3))
    assert checkpoints.restore(anywhere, built()) == state(3)


def test_reports_that_are_not_finite_survive(folder: TrialFolder) -> None:
    from sweepkit.training import checkpoints

    reports = (Report(1, {"loss": math.nan, "other": math.inf}, 5.25),)
    given = checkpoints.CheckpointState(7, 1, reports, {}, 1)
    checkpoints.save(folder, untrained(), given)
    restored = checkpoints.restore(folder, built())
    assert restored is not None
    assert math.isnan(restored.reports[0].metrics["loss"])
    assert restored.reports[0].metrics["other"] == math.inf


def test_nothing_is_restored_where_there_is_no_checkpoint(anywhere: TrialFolder) -> None:
    from sweepkit.training import checkpoints

    assert checkpoints.restore(anywhere, built()) is None


def test_the_newest_complete_checkpoint_is_restored(folder: TrialFolder) -> None:
    from sweepkit.training import checkpoints

    model = untrained()
    for epoch in (9, 10, 11):
        checkpoints.save(folder, model, state(epoch))
    folder.storage.delete(f"{folder.paths.checkpoint(11)}/state.json")  # as an upload that was cut short leaves it
    restored = checkpoints.restore(folder, built())
    assert restored is not None
    assert restored.epoch == 10


def test_saving_an_epoch_again_replaces_its_checkpoint(anywhere: TrialFolder) -> None:
    from sweepkit.training import checkpoints

    model = untrained()
    checkpoints.save(anywhere, model, state())
    checkpoints.save(anywhere, trained(model, epochs=1), state())
    fresh = built()
    checkpoints.restore(anywhere, fresh)
    assert_same_values(fresh, model)
    assert anywhere.storage.names(anywhere.paths.checkpoints) == ["epoch-0001"]


def test_only_the_best_and_the_last_are_kept(anywhere: TrialFolder) -> None:
    from sweepkit.training import checkpoints

    model = untrained()
    for epoch in range(1, 6):
        checkpoints.save(anywhere, model, state(epoch))
    checkpoints.tidy(anywhere, best_epoch=2, last_epoch=5)
    assert anywhere.storage.names(anywhere.paths.checkpoints) == ["epoch-0002", "epoch-0005"]


def test_tidying_removes_what_a_killed_worker_left(folder: TrialFolder) -> None:
    from sweepkit.training import checkpoints

    checkpoints.save(folder, untrained(), state())
    with folder.storage.new_folder(folder.paths.checkpoint(2), last="state.json") as unfinished:
        checkpoints.tidy(folder, best_epoch=1, last_epoch=1)
        assert not unfinished.exists()
        unfinished.mkdir()
        (unfinished / "state.json").touch()


def damage(path: Path, how: str) -> None:
    content = bytearray(path.read_bytes())
    if how == "gone":
        path.unlink()
    elif how == "cut short":
        path.write_bytes(content[: len(content) // 2])
    else:
        content[len(content) // 2] ^= 1
        path.write_bytes(content)


@pytest.mark.parametrize(
    ("file", "how", "seen"),
    [
        ("model.weights.h5", "gone", "is missing"),
        ("model.weights.h5", "cut short", "differs from its checksum"),
        ("model.weights.h5", "one bit", "differs from its checksum"),
        ("state.json", "gone", "is missing"),
        ("state.json", "cut short", "cannot be read"),
    ],
)
def test_a_damaged_checkpoint_is_named_and_passed_over_for_the_one_before(
    folder: TrialFolder, file: str, how: str, seen: str, caplog: pytest.LogCaptureFixture
) -> None:
    from sweepkit.training import checkpoints

    model = untrained()
    for epoch in (2, 5):
        checkpoints.save(folder, model, state(epoch))
    damage(folder.storage.path(folder.paths.checkpoint(5)) / file, how)
    assert checkpoints.restore(folder, built()) == state(2)
    (warning,) = caplog.messages
    path = f"{folder.storage.local}/sweeps/some/trials/0007/checkpoints/epoch-0005/{file}"
    assert warning == (f"{path}: this file of a checkpoint {seen}; the trial resumes from the checkpoint of epoch 2")


def test_a_changed_figure_in_a_state_that_still_is_json_is_found(folder: TrialFolder) -> None:
    from sweepkit.training import checkpoints

    checkpoints.save(folder, untrained(), state(2))
    path = folder.storage.path(folder.paths.checkpoint(2)) / "state.json"
    assert '"loss": 0.5' in path.read_text()
    path.write_text(path.read_text().replace('"loss": 0.5', '"loss": 0.4'))
    assert checkpoints.restore(folder, built()) is None


def test_without_any_whole_checkpoint_a_trial_starts_from_its_beginning_with_an_untouched_model(
    folder: TrialFolder, caplog: pytest.LogCaptureFixture
) -> None:
    from sweepkit.training import checkpoints

    for epoch in (1, 2):
        checkpoints.save(folder, untrained(), state(epoch))
        damage(folder.storage.path(folder.paths.checkpoint(epoch)) / "model.weights.h5", "one bit")
    model = untrained()
    before = values_of(model)
    assert checkpoints.restore(folder, model) is None
    for ours, theirs in zip(values_of(model), before, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert [message.rpartition("; ")[2] for message in caplog.messages] == [
        "the trial resumes from the checkpoint of epoch 1",
        "the trial starts from its first epoch",
    ]


def test_a_damaged_checkpoint_is_deleted_once_a_later_one_is_written(folder: TrialFolder) -> None:
    from sweepkit.training import checkpoints

    for epoch in (2, 5, 3):
        checkpoints.save(folder, untrained(), state(epoch))
    damage(folder.storage.path(folder.paths.checkpoint(5)) / "state.json", "gone")
    checkpoints.tidy(folder, best_epoch=2, last_epoch=3)
    assert folder.storage.names(folder.paths.checkpoints) == ["epoch-0002", "epoch-0003"]


def test_a_state_without_a_checksum_of_its_own_is_read_as_it_is(folder: TrialFolder) -> None:
    """Those that version 0.3 wrote have none."""
    from sweepkit.training import checkpoints

    checkpoints.save(folder, untrained(), state())
    name = f"{folder.paths.checkpoint(1)}/state.json"
    content = folder.storage.read_json(name)
    del content["state_sha256"]
    folder.storage.write_json(name, content)
    assert checkpoints.restore(folder, built()) == state()


def test_a_checkpoint_of_another_model_is_refused(folder: TrialFolder) -> None:
    from sweepkit.training import checkpoints

    checkpoints.save(folder, untrained(), state())
    with pytest.raises(DataError, match=r"epoch-0001: this checkpoint is not of the model that was built"):
        checkpoints.restore(folder, built(units=6))


def test_a_checkpoint_of_a_later_format_is_refused(folder: TrialFolder) -> None:
    from sweepkit.training import checkpoints

    checkpoints.save(folder, untrained(), state())
    name = f"{folder.paths.checkpoint(1)}/state.json"
    content = folder.storage.read_json(name) | {"format": 2}
    del content["state_sha256"]
    folder.storage.write_json(name, content)
    with pytest.raises(DataError, match=r"is of format 2, this version of sweepkit reads format 1"):
        checkpoints.restore(folder, built())


def test_weights_alone_predict_the_same(anywhere: TrialFolder) -> None:
    from sweepkit.training import checkpoints

    model = trained(built(), epochs=1)
    checkpoints.save(anywhere, model, state())
    fresh = built()
    checkpoints.load_weights(anywhere, 1, fresh)
    np.testing.assert_array_equal(
        fresh.predict(TOKENS, batch_size=8, verbose=0), model.predict(TOKENS, batch_size=8, verbose=0)
    )


def test_weights_of_a_missing_checkpoint_are_a_data_error(folder: TrialFolder) -> None:
    from sweepkit.training import checkpoints

    with pytest.raises(DataError, match=r"epoch-0004: there is no checkpoint here"):
        checkpoints.load_weights(folder, 4, built())


def test_damaged_weights_are_never_used_to_evaluate(folder: TrialFolder) -> None:
    from sweepkit.training import checkpoints

    checkpoints.save(folder, untrained(), state())
    damage(folder.storage.path(folder.paths.checkpoint(1)) / "model.weights.h5", "one bit")
    with pytest.raises(DataError, match=r"epoch-0001/model.weights.h5: this file of a checkpoint differs from its ch"):
        checkpoints.load_weights(folder, 1, built())


def test_a_checkpoint_costs_little_beside_an_epoch_of_two_seconds(folder: TrialFolder) -> None:
    """24 MB: an embedding of 20,000 words and its two moments; usually 0.15 s each way on one core."""
    import keras

    from sweepkit.training import checkpoints

    def large() -> keras.Model:
        layers = [keras.Input((None,), dtype="int32"), keras.layers.Embedding(20_000, 100)]
        model = keras.Sequential([*layers, keras.layers.GlobalAveragePooling1D(), keras.layers.Dense(1)])
        model.compile(keras.optimizers.Adam(), "mse")
        return model

    model, fresh = trained(large(), epochs=1), large()
    started = time.process_time()
    checkpoints.save(folder, model, state())
    saved = time.process_time()
    checkpoints.restore(folder, fresh)
    assert saved - started < 1
    assert time.process_time() - saved < 1
