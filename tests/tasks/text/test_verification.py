"""The check of a loaded bundle: the same bits here, and no other model passes."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from sweepkit.bundle.manifest import CHECK, CheckResult
from sweepkit.errors import DataError
from sweepkit.tasks.text.predictions import Predictions

if TYPE_CHECKING:
    from sweepkit.tasks.text.classifier import TextModel

pytestmark = pytest.mark.tf


@pytest.fixture
def model(bundle: Path) -> TextModel:
    import sweepkit

    return sweepkit.load(bundle)


def checked(model: TextModel, folder: Path) -> CheckResult:
    from sweepkit.tasks.text.verification import check

    return check(model, folder)


def recorded_again(folder: Path, change: Any, to: Path) -> Path:
    """Copy the check of a bundle with other probabilities."""
    from sweepkit.tasks.text.verification import read_check, write_check

    rows, recorded = read_check(folder / CHECK)
    write_check(to / CHECK, rows, Predictions(recorded.targets, change(recorded.probabilities)))
    return to


def test_a_bundle_gives_its_own_numbers_again(model: TextModel, bundle: Path) -> None:
    result = checked(model, bundle)
    assert result == model.manifest.check
    assert 0 < result.correct < result.rows == 40


def test_on_the_same_machine_the_bits_are_the_same(model: TextModel, bundle: Path) -> None:
    from sweepkit.tasks.text.verification import BATCH, read_check

    rows, recorded = read_check(bundle / CHECK)
    np.testing.assert_array_equal(model.probabilities(rows, batch_size=BATCH), recorded.probabilities)


def test_what_another_processor_makes_of_a_sum_is_let_pass(model: TextModel, bundle: Path, tmp_path: Path) -> None:
    assert checked(model, recorded_again(bundle, lambda p: p + np.float32(5e-6), tmp_path)) == model.manifest.check


def test_a_probability_that_is_another_is_refused(model: TextModel, bundle: Path, tmp_path: Path) -> None:
    def changed(probabilities: np.ndarray) -> np.ndarray:
        probabilities[3, 1] += np.float32(1e-3)
        return probabilities

    with pytest.raises(DataError, match=r"largest probability difference 0\.001, tolerance 1e-05\. Download it again"):
        checked(model, recorded_again(bundle, changed, tmp_path))


def test_other_weights_are_refused_with_the_figures(bundle: Path) -> None:
    import sweepkit

    model = sweepkit.load(bundle)
    model.network.set_weights([weights + 0.5 for weights in model.network.get_weights()])
    right = model.manifest.check.correct
    with pytest.raises(DataError, match=rf"bundle check failed: expected {right} of 40 correct \(log loss 0\.69"):
        checked(model, bundle)
    with pytest.raises(DataError, match=r"Download it again, or install .*keras 3\.15\.1 \(this is 3\."):
        checked(model, bundle)


@pytest.mark.parametrize("change", [{"correct": 1}, {"rows": 39}, {"loss": 0.5}])
def test_each_recorded_figure_has_to_come_out(model: TextModel, bundle: Path, change: dict[str, float]) -> None:
    import sweepkit

    other = sweepkit.load(bundle)
    other.manifest = replace(model.manifest, check=replace(model.manifest.check, **change))
    with pytest.raises(DataError, match="bundle check failed: expected"):
        checked(other, bundle)


def test_other_labels_are_refused_not_broadcast(model: TextModel, bundle: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="largest probability difference inf"):
        checked(model, recorded_again(bundle, lambda p: np.concatenate([p, p], axis=1), tmp_path))


def test_rows_that_cannot_be_read_are_said_to_be_so(model: TextModel, bundle: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"check\.parquet: the rows of the bundle check can't be read"):
        checked(model, tmp_path)
    shutil.copy(bundle / "bundle.json", tmp_path / CHECK)
    with pytest.raises(DataError, match="get the bundle again"):
        checked(model, tmp_path)
