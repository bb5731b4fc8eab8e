"""Paired tests of two sweeps or trials: the predictions of both, row by row on validation.

A sweep is represented by the winner of its final stage, without that stage by its best trial. Try
`compare(["runs/sweeps/cells#3", "runs/sweeps/cells#12"]).paired_tests()[0].comparison`.
"""

from __future__ import annotations

from dataclasses import dataclass

from sweepkit.results import statistics
from sweepkit.results.compared_item import ComparedItem
from sweepkit.results.final_result import Comparison
from sweepkit.tasks.interface import StoredPredictions, task_of


@dataclass(frozen=True, slots=True)
class PairedTest:
    """Two predictors on the same rows.

    Attributes:
        first: the name of one predictor.
        second: the name of the other.
        comparison: None where the two cannot be compared.
        why_not: the reason, then.
    """

    first: str
    second: str
    comparison: Comparison | None = None
    why_not: str | None = None


def paired_test(first: ComparedItem, second: ComparedItem) -> PairedTest:
    """Compare the stored predictions of two items.

    Raises:
        DataError: stored predictions are damaged.
    """
    names = first.predictor, second.predictor
    if first.data_key != second.data_key:
        return PairedTest(*names, why_not="their prepared data differs")
    missing = [item.predictor for item in (first, second) if item.predictions is None]
    if missing:
        why = f"no predictions of {' and '.join(missing)} are stored; `final` stores those of its candidates' best runs"
        return PairedTest(*names, why_not=why)
    one, other = _stored_predictions(first), _stored_predictions(second)
    if one.targets.tolist() != other.targets.tolist():
        return PairedTest(*names, why_not="their stored predictions are of different rows")
    return PairedTest(*names, statistics.compare(one.is_right, other.is_right, other=second.predictor))


def _stored_predictions(item: ComparedItem) -> StoredPredictions:
    assert item.predictions is not None, "missing predictions are named before any is read"
    return task_of(item.sweep.config.package).read_predictions(item.sweep.folder.storage, item.predictions)
