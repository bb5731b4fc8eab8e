"""Whether a bundled model still gives what it gave when it was exported: some rows of validation, kept with the
probabilities of then.

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
from sweepkit.bundle.manifest import CHECK, BundleManifest, CheckResult
from sweepkit.errors import DataError
from sweepkit.tasks.text.predictions import Predictions

if TYPE_CHECKING:
    from sweepkit.tasks.text.classifier import TextModel

# On one machine a model gives the same bits again. Processors add up in orders of their own, and of the seven digits
# of a float the last two or three differ then.
TOLERANCE = 1e-5
BATCH = 64  # always the same batches, so that sums are made in the same order

CheckedRows = list[NDArray[np.int32]]


def check(model: TextModel, folder: str | Path) -> CheckResult:
    """Ask a loaded model for the rows of `check.parquet` again and compare.

    As many rows must be right as were right then; probabilities and mean log loss may differ by 1e-5, because float
    sums differ in their last bits from one kind of processor to another.

    Raises:
        DataError: the numbers are others, or the file cannot be read.
    """
    path = Path(folder) / CHECK
    rows, recorded = read_check(path)
    again = Predictions(recorded.targets, model.probabilities(rows, batch_size=BATCH))
    facts, furthest = check_result(again), _furthest(again, recorded)
    wanted = model.facts.check
    is_same = (facts.rows, facts.correct) == (wanted.rows, wanted.correct)
    if not (is_same and furthest <= TOLERANCE and abs(facts.loss - wanted.loss) <= TOLERANCE):
        raise DataError(_difference(facts, wanted, furthest, model.facts), where=str(path))
    return facts


def check_result(found: Predictions) -> CheckResult:
    """Sum up what a model said of its rows."""
    return CheckResult(len(found.targets), int(found.is_right.sum()), found.loss)


def write_check(path: Path, rows: Sequence[NDArray[np.int32]], found: Predictions) -> None:
    """Write rows as the model reads them, with their targets and what it said of them."""
    columns = {
        "token_indexes": pa.array(list(rows), pa.list_(pa.int32())),
        "target": pa.array(found.targets, pa.int32()),
        "probabilities": pa.array(list(found.probabilities), pa.list_(pa.float32())),
    }
    pq.write_table(pa.table(columns), path)


def read_check(path: Path) -> tuple[CheckedRows, Predictions]:
    """Read what `write_check` wrote.

    Raises:
        DataError: it is missing or something else.
    """
    try:
        table = pq.read_table(path)
        rows = [np.array(row, np.int32) for row in table["token_indexes"].to_pylist()]
        targets = table["target"].to_numpy().astype(np.int32)
        found = np.array(table["probabilities"].to_pylist(), np.float32)
    except (OSError, pa.ArrowException, KeyError, ValueError, TypeError) as error:
        reason = str(error).partition("\n")[0]
        raise DataError(
            f"the rows to check with can't be read: {reason}; get the bundle again", where=str(path)
        ) from None
    return rows, Predictions(targets, found)


def _furthest(again: Predictions, recorded: Predictions) -> float:
    """Return the largest difference of a probability; infinite where the two are not comparable."""
    if again.probabilities.shape != recorded.probabilities.shape:
        return float("inf")
    differences = np.abs(again.probabilities - recorded.probabilities)
    return float(differences.max(initial=0.0)) if np.isfinite(differences).all() else float("inf")


def _difference(found: CheckResult, wanted: CheckResult, furthest: float, facts: BundleManifest) -> str:
    here = provenance.versions()
    versions = ", ".join(
        f"{name} {version} (here {here.get(name, 'none')})"
        for name, version in facts.versions.items()
        if name in ("keras", "tensorflow")
    )
    return (
        f"the model must give what it gave when it was exported: {wanted.correct} of {wanted.rows} rows right and mean "
        f"log loss {wanted.loss:.6f}; it gives {found.correct} of {found.rows} and {found.loss:.6f}, and a probability "
        f"differs by {furthest:.2g} where {TOLERANCE:g} is allowed; get the bundle again, or use the versions that it "
        f"was made with: {versions}"
    )
