"""Paired tests of two sweeps or trials: the predictions of both, row by row on validation.

A sweep is represented by the winner of its final stage, or without that stage by its best trial. Try
`compare(["runs/sweeps/cells#3", "runs/sweeps/cells#12"]).paired_tests()[0].comparison`.
"""

from __future__ import annotations

from dataclasses import dataclass

from sweepkit.results import statistics
from sweepkit.results.compared_item import ComparedItem
from sweepkit.results.final_result import Comparison
from sweepkit.tasks.interface import StoredPredictions
from sweepkit.tasks.lookup import task_of


@dataclass(frozen=True, slots=True)
class PairedTest:
    """Two predictors on the same rows.

    Attributes:
        first: the name of one predictor.
        second: the name of the other.
        comparison: None where the two cannot be compared.
        why_not: the reason if they cannot be compared.
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
    # first, since it needs no file: of other data the rows cannot be the same
    if first.data_key != second.data_key:
        return PairedTest(*names, why_not="their prepared data differs")
    missing = [item.predictor for item in (first, second) if item.predictions is None]
    if missing:
        why = f"no predictions of {' and '.join(missing)} are stored; `final` stores those of its candidates' best runs"
        return PairedTest(*names, why_not=why)
    firsts, seconds = _stored_predictions(first), _stored_predictions(second)
    # Predictions are stored in the order of the rows and without their ids; the targets stand for the rows. A paired
    # test of other rows would give a p-value all the same, and a meaningless one.
    if firsts.targets.tolist() != seconds.targets.tolist():
        return PairedTest(*names, why_not="their stored predictions are of different rows")
    return PairedTest(*names, statistics.compare(firsts.is_right, seconds.is_right, other=second.predictor))


def _stored_predictions(item: ComparedItem) -> StoredPredictions:
    assert item.predictions is not None, "paired_test() has checked that both are stored"
    return task_of(item.sweep.config.package).read_predictions(item.sweep.folder.storage, item.predictions)
