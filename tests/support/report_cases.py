"""Sweeps that a report must take as they are. Imported by the tests of this folder."""

from __future__ import annotations

import math
from dataclasses import replace

from sweepkit.report.data import ReportData
from sweepkit.space import Choice, Space
from sweepkit.trial.trial import Direction, Report, Trial, TrialState
from tests.support.made_up_results import data, final_result, winner_errors
from tests.support.made_up_sweeps import METRIC, report_data, trials

NASTY = "</script><script>alert(1)</script> $x^2$ & \u2028 <b>"


def nasty() -> ReportData:
    """Names, values, reasons and errors that are no harm only when they are escaped."""
    made = [
        replace(trial, params={"cell": NASTY if i % 2 else "_", "a<b": f"$y_{i}$"}, reason=NASTY, state=state)
        for i, (trial, state) in enumerate(zip(trials(4), [*TrialState, None], strict=True))
    ]
    space = Space({"cell": Choice(("_", NASTY)), "a<b": Choice(tuple(f"$y_{i}$" for i in range(4)))})
    changes = {"space": space, "name": f"made {NASTY}", "errors": {0: NASTY}, "final": final_result()}
    return report_data(made, **changes, winner_errors=winner_errors(), data=data(400))


def failed() -> list[Trial]:
    return [replace(r, state=TrialState.FAILED, reason="it raised", best_value=None, reports=()) for r in trials(5)]


def not_finite() -> list[Trial]:
    return [
        replace(r, best_value=None, best_epoch=None, reports=(Report(1, {METRIC: math.nan}, 1.8e9),)) for r in trials(3)
    ]


def far_out() -> list[Trial]:
    """One trial among thirty has an objective that would squeeze all others into a line."""
    made = trials(30)
    return [replace(made[0], best_value=1e12, reports=(Report(1, {METRIC: 1e12}, 1.8e9),)), *made[1:]]


def unfinished() -> list[Trial]:
    return [Trial(0, trials(1)[0].params, started=1.79e9, seconds=0.0), Trial(1, {"cell": "none"})]


SWEEPS = {
    "empty": report_data([]),
    "unfinished": report_data(unfinished()),
    "one": report_data(trials(1)),
    "three": report_data(trials(3, pause_s=3600)),
    "constant": report_data([replace(trial, best_value=0.5) for trial in trials(24)]),
    "failed": report_data(failed()),
    "not finite": report_data(not_finite()),
    "far out": report_data(far_out(), direction=Direction.MIN),
    "nasty": nasty(),
    "whole": report_data(trials(48), final=final_result(clear=True), winner_errors=winner_errors(), data=data(400)),
}
