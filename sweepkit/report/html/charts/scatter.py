"""Trials as marks: the best objective against one parameter, or against one cost, as JSON for the page's own script.

There are a dozen of these on a page, each with all trials; Plotly makes an element of every mark and would take most
of the page's time with them. Try `against_parameter(findings, "cell")["x"]["ticks"]`.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from typing import Any

from sweepkit.formatting import metric_words
from sweepkit.report.data import ReportData
from sweepkit.report.html.charts.plotly import by_look, is_wide, view
from sweepkit.report.pareto import Cost, front
from sweepkit.report.scales import Scale
from sweepkit.trial.trial import Trial

Drawing = dict[str, Any]  # a JSON object
_MARGIN = 0.04
_HALF_MEDIAN = 0.3  # of the way to the next option


def against_parameter(findings: ReportData, name: str) -> Drawing:
    """Place the trials that use a parameter at its value, with the median of each option."""
    users = [trial for trial in findings.leaders if name in trial.params]
    scale = Scale.of(findings.params[name], findings.values(name))
    of = "" if len(users) == len(findings.leaders) else f" ({len(users):,} of {len(findings.leaders):,} trials use it)"
    is_named = scale.options is not None
    margin = 0.6 if is_named else _MARGIN * (scale.high - scale.low)
    x = {"low": scale.low - margin, "high": scale.high + margin, "ticks": scale.ticks()}
    drawing = _drawing(findings, users, lambda trial: scale.spread(trial.params[name], trial.number))
    drawing["x"] = {"label": name + of, "isNamed": is_named, **x}
    if is_named:
        drawing["medians"] = _medians(scale, users, name)
    return drawing


def against_cost(findings: ReportData, cost: Cost) -> Drawing | None:
    """Place the trials at what they cost, with the front that nobody beats; None where no report says the cost."""
    known = cost.known(findings.leaders)
    if not known:
        return None
    spent = {trial.number: one for one, trial in known}
    log = is_wide(list(spent.values()))
    ends = (min(spent.values()) if log else 0.0, max(spent.values()))
    scale = Scale.numbers(*ends, log=log)
    margin = _MARGIN * (scale.high - scale.low)
    trials = [trial for _, trial in known]
    drawing = _drawing(findings, trials, lambda trial: scale.place(spent[trial.number]))
    unbeaten = front([(one, _best(trial)) for one, trial in known], findings.direction)
    low, high = drawing["y"]["low"], drawing["y"]["high"]
    drawing["x"] = {
        "label": cost.label,
        "isNamed": False,
        "low": scale.low - margin,
        "high": scale.high + margin,
        "ticks": [(place, _short(text)) for place, text in scale.ticks()],
    }
    drawing["front"] = [(scale.place(known[i][0]), min(max(_best(known[i][1]), low), high)) for i in unbeaten]
    return drawing


def _drawing(findings: ReportData, trials: Sequence[Trial], across: Callable[[Trial], float]) -> Drawing:
    """Place trials by outcome, above the axis of the objective; far outliers lie on the edge."""
    low, high = _ends([_best(trial) for trial in trials])
    marks = [
        {
            "colour": look.colour,
            "symbol": look.symbol,
            "x": [across(trial) for trial in group],
            "y": [min(max(_best(trial), low), high) for trial in group],
            "trials": [trial.number for trial in group],
        }
        for look, group in by_look(trials)
    ]
    ticks = Scale.numbers(low, high).ticks()
    return {"y": {"label": metric_words(findings.metric), "low": low, "high": high, "ticks": ticks}, "marks": marks}


def _ends(values: Sequence[float]) -> tuple[float, float]:
    """Return the ends of the objective's axis: apart even where all values are the same."""
    seen = view(values)
    if seen:
        return seen
    low, high = min(values), max(values)
    margin = _MARGIN * (high - low) or 0.05 * abs(low) or 1.0
    return low - margin, high + margin


def _medians(scale: Scale, users: Sequence[Trial], name: str) -> list[tuple[float, float, float]]:
    """Return (from, to, median) for each option."""
    groups: dict[float, list[float]] = {}
    for trial in users:
        groups.setdefault(scale.place(trial.params[name]), []).append(_best(trial))
    return [(place - _HALF_MEDIAN, place + _HALF_MEDIAN, statistics.median(values)) for place, values in groups.items()]


def _best(trial: Trial) -> float:
    assert trial.best_value is not None, "ranked trials have one"
    return trial.best_value


def _short(text: str) -> str:
    """Say thousands and millions shortly: "1.5M"."""
    value = float(text)
    power = min(int(math.log10(value) // 3), 3) if value >= 10_000 else 0
    return f"{value / 1000**power:g}{('', 'k', 'M', 'G')[power]}"
