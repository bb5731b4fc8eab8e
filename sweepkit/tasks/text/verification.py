"""The check of a bundled model: its predictions for some rows of validation, compared with those at export.

Try `check(load(folder), folder)`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sweepkit import provenance
from sweepkit.bundle.manifest import CHECK, REMEDY, BundleManifest, CheckResult
from sweepkit.errors import DataError
from sweepkit.tasks.text.predictions import Predictions

if TYPE_CHECKING:
    from sweepkit.tasks.text.classifier import TextModel

# On one machine a model gives the same bits again. Other processors add in another order, and of the seven digits of a
# float the last two or three differ then.
TOLERANCE = 1e-5
BATCH = 64  # at export and at every check, so that sums are computed in the same order

CheckedRows = list[NDArray[np.int32]]


def check(model: TextModel, folder: str | Path) -> CheckResult:
    """Predict the rows of `check.parquet` with a loaded model and compare with the predictions at export.

    The same number of rows must be right; probabilities and mean log loss may differ by 1e-5, because float sums differ
    in their last bits from one kind of processor to another.

    Raises:
        DataError: the predictions differ by more, or the file cannot be read.
    """
    path = Path(folder) / CHECK
    rows, recorded = read_check(path)
    again = Predictions(recorded.targets, model.probabilities(rows, batch_size=BATCH))
    result, expected = check_result(again), model.manifest.check
    difference = _largest_difference(again, recorded)
    is_same = (result.rows, result.correct) == (expected.rows, expected.correct)
    if not (is_same and difference <= TOLERANCE and abs(result.loss - expected.loss) <= TOLERANCE):
        raise DataError(_message(result, difference, model.manifest), where=str(path))
    return result


def check_result(predictions: Predictions) -> CheckResult:
    """Summarise predictions as the manifest has them."""
    return CheckResult(len(predictions.targets), int(predictions.is_right.sum()), predictions.loss)


def write_check(path: Path, rows: Sequence[NDArray[np.int32]], predictions: Predictions) -> None:
    """Write rows as the model reads them, with their targets and the model's predictions."""
    columns = {
        "token_indexes": pa.array(list(rows), pa.list_(pa.int32())),
        "target": pa.array(predictions.targets, pa.int32()),
        "probabilities": pa.array(list(predictions.probabilities), pa.list_(pa.float32())),
    }
    pq.write_table(pa.table(columns), path)


def read_check(path: Path) -> tuple[CheckedRows, Predictions]:
    """Read what `write_check` wrote.

    Raises:
        DataError: it is missing or malformed.
    """
    try:
        table = pq.read_table(path)
        rows = [np.array(row, np.int32) for row in table["token_indexes"].to_pylist()]
        targets = table["target"].to_numpy().astype(np.int32)
        probabilities = np.array(table["probabilities"].to_pylist(), np.float32)
    except (OSError, pa.ArrowException, KeyError, ValueError, TypeError) as error:
        reason = str(error).partition("\n")[0]
        raise DataError(f"the rows of the bundle check can't be read: {reason}; {REMEDY}", where=str(path)) from None
    return rows, Predictions(targets, probabilities)


def _largest_difference(again: Predictions, recorded: Predictions) -> float:
    """Return the largest difference of a probability; infinite if the two are not comparable."""
    if again.probabilities.shape != recorded.probabilities.shape:
        return float("inf")
    differences = np.abs(again.probabilities - recorded.probabilities)
    return float(differences.max(initial=0.0)) if np.isfinite(differences).all() else float("inf")


def _message(result: CheckResult, difference: float, manifest: BundleManifest) -> str:
    expected, installed = manifest.check, provenance.versions()
    versions = " and ".join(
        f"{name} {version} (this is {installed.get(name, 'missing')})"
        for name, version in manifest.versions.items()
        if name in ("keras", "tensorflow")
    )
    return (
        f"bundle check failed: expected {expected.correct} of {expected.rows} correct (log loss {expected.loss:.6f}), "
        f"got {result.correct} of {result.rows} ({result.loss:.6f}); largest probability difference {difference:.2g}, "
        f"tolerance {TOLERANCE:g}. Download it again, or install {versions}"
    )
