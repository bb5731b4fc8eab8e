"""A trial's values."""

from __future__ import annotations

import math

from sweepkit.trial.trial import Report, Trial


def test_a_curve_has_the_epochs_with_a_finite_value() -> None:
    values = (0.5, math.nan, 0.7, math.inf)
    reports = tuple(Report(epoch, {"accuracy": value}, float(epoch)) for epoch, value in enumerate(values, start=1))
    trial = Trial(0, {}, (*reports, Report(5, {"loss": 0.1}, 5.0)))
    assert trial.curve("accuracy") == [(1, 0.5), (3, 0.7)]
    assert trial.curve("loss") == [(5, 0.1)]
    assert trial.curve("auc") == []
