"""Predictions as Parquet files and back, and what is worked out from them."""

from __future__ import annotations

import io
import math
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sweepkit.errors import DataError
from sweepkit.storage.storage import Storage
from sweepkit.tasks.text import predictions
from sweepkit.tasks.text.predictions import Predictions, as_probabilities

NAME = "sweeps/cells/trials/0003/predictions-valid.parquet"


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return Storage.at(str(tmp_path))


def made(targets: list[int], probabilities: list[list[float]]) -> Predictions:
    return Predictions(np.array(targets, np.int32), np.array(probabilities, np.float32))


@pytest.mark.parametrize("labels", [2, 5])
def test_what_was_written_is_read_back_to_the_bit(storage: Storage, labels: int) -> None:
    random = np.random.default_rng(0)
    probabilities = random.dirichlet(np.ones(labels), 700).astype(np.float32)
    written = Predictions(random.integers(0, labels, 700).astype(np.int32), probabilities)
    predictions.write(storage, NAME, written)
    found = predictions.read(storage, NAME)
    np.testing.assert_array_equal(found.targets, written.targets)
    np.testing.assert_array_equal(found.probabilities, written.probabilities)
    assert (found.targets.dtype, found.probabilities.dtype) == (np.int32, np.float32)


def test_a_split_without_rows_keeps_its_labels(storage: Storage) -> None:
    predictions.write(storage, NAME, Predictions(np.zeros(0, np.int32), np.zeros((0, 3), np.float32)))
    assert predictions.read(storage, NAME).probabilities.shape == (0, 3)


def test_others_can_read_the_file(storage: Storage) -> None:
    predictions.write(storage, NAME, made([1, 0], [[0.25, 0.75], [0.5, 0.5]]))
    assert pq.read_table(storage.path(NAME)).to_pylist() == [
        {"row": 0, "target": 1, "probabilities": [0.25, 0.75]},
        {"row": 1, "target": 0, "probabilities": [0.5, 0.5]},
    ]


def test_accuracy_counts_rows_whose_most_probable_label_is_the_target() -> None:
    found = made([0, 1, 2, 2], [[0.6, 0.3, 0.1], [0.6, 0.3, 0.1], [0.2, 0.2, 0.6], [0.1, 0.5, 0.4]])
    assert found.is_right.tolist() == [True, False, True, False]
    assert found.accuracy == 0.5


def test_of_equally_probable_labels_the_first_counts() -> None:
    assert made([0, 1], [[0.5, 0.5], [0.5, 0.5]]).is_right.tolist() == [True, False]


def test_the_loss_is_the_mean_log_loss() -> None:
    found = made([0, 1], [[0.5, 0.5], [0.75, 0.25]])
    assert found.loss == pytest.approx((math.log(2) + math.log(4)) / 2)


def test_a_target_that_was_called_impossible_costs_a_finite_loss() -> None:
    assert made([0], [[0.0, 1.0]]).loss == pytest.approx(-math.log(1e-7))
    assert made([1], [[0.0, 1.0]]).loss == 0.0


def test_one_output_is_the_probability_of_the_second_label() -> None:
    np.testing.assert_allclose(as_probabilities(np.array([[0.25], [1.0]], np.float32)), [[0.75, 0.25], [0.0, 1.0]])


def test_several_outputs_are_probabilities_already() -> None:
    outputs = np.array([[0.2, 0.3, 0.5]], np.float32)
    assert as_probabilities(outputs) is outputs


def test_a_missing_file_is_just_that(storage: Storage) -> None:
    with pytest.raises(FileNotFoundError):
        predictions.read(storage, NAME)


def parquet(**columns: pa.Array) -> bytes:
    content = io.BytesIO()
    pq.write_table(pa.table(columns), content)
    return content.getvalue()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"no parquet at all", "can't be read"),
        (parquet(target=pa.array([1], pa.int32())), "probabilities"),
        (parquet(target=pa.array([1], pa.int32()), probabilities=pa.array([0.5])), "double"),
        (parquet(target=pa.array(["a"]), probabilities=pa.array([[0.5]], pa.list_(pa.float32(), 1))), "string"),
    ],
)
def test_a_damaged_or_foreign_file_is_named(storage: Storage, content: bytes, reason: str) -> None:
    storage.write(NAME, content)
    with pytest.raises(DataError, match=reason) as caught:
        predictions.read(storage, NAME)
    assert caught.value.issues[0].where.endswith(NAME)
