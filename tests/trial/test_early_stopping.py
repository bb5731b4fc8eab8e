"""Reasons to stop a trial, as tables of reports and expected reasons."""

from __future__ import annotations

import math

import pytest

from sweepkit.trial.early_stopping import best_so_far, impatient, missing_objective, not_finite
from sweepkit.trial.trial import Direction, Report


def report(**metrics: float) -> Report:
    return Report(epoch=3, metrics=metrics, timestamp=0.0)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("name", ["train_loss", "valid_loss", "loss", "score"])
def test_a_loss_or_objective_that_is_not_finite_is_named(name: str, bad: float) -> None:
    assert not_finite(report(**{name: bad, "other": 1.0}), "score") == f"{name} is {bad} at epoch 3"


def test_another_metric_may_be_nan() -> None:
    assert not_finite(report(valid_auc=math.nan, train_loss=0.3), "score") is None


def test_a_missing_objective_is_reported_with_the_metrics_that_were() -> None:
    assert missing_objective(report(loss=1.0, valid_auc=0.5), "val_acc", 7) == (
        "metric 'val_acc' was not reported at epoch 3 of trial 7; reported: 'loss', 'valid_auc'"
    )
    assert missing_objective(report(val_acc=1.0), "val_acc", 7) is None


@pytest.mark.parametrize(
    ("values", "direction", "expected"),
    [
        ([], Direction.MAX, None),
        ([math.nan], Direction.MAX, None),
        ([0.1, 0.3, 0.3, 0.2], Direction.MAX, (0.3, 1)),
        ([0.4, math.nan, 0.2], Direction.MIN, (0.2, 2)),
        ([math.inf, 0.2], Direction.MAX, (0.2, 1)),
    ],
)
def test_best_is_the_earliest_best_finite_value(
    values: list[float], direction: Direction, expected: tuple[float, int] | None
) -> None:
    assert best_so_far(values, direction) == expected


@pytest.mark.parametrize(
    ("values", "patience", "stops"),
    [
        ([0.5], 1, False),
        ([0.5, 0.4], 1, True),
        ([0.5, 0.4], 2, False),
        ([0.5, 0.4, 0.5], 2, True),
        ([0.5, 0.4, 0.6], 2, False),
        ([0.5, 0.4, 0.3, 0.2, 0.1], None, False),
        ([0.5, math.nan, math.nan], 2, True),
    ],
)
def test_patience_counts_epochs_without_anything_better(values: list[float], patience: int | None, stops: bool) -> None:
    assert (impatient(values, Direction.MAX, patience=patience) is not None) is stops


def test_patience_names_the_best_epoch() -> None:
    assert impatient([0.2, 0.1, 0.3], Direction.MIN, patience=1) == "nothing better than 0.1000 (epoch 2) in 1 epochs"
