"""Scatter plots of the best objective against one parameter or one cost, as JSON for the page's own script.

A page has a dozen of them, each with all trials. Plotly makes an element of every marker, which would take most of
the time that the page needs to draw. Try `against_parameter(sweep, "cell")["x"]["ticks"]`.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from typing import Any

from sweepkit.formatting import metric_words
from sweepkit.report.html.charts.plotly import by_state, is_wide, view
from sweepkit.report.parameters import scale_of
from sweepkit.report.pareto import Cost, pareto_front
from sweepkit.report.scales import Scale
from sweepkit.results.sweep import Sweep
from sweepkit.trial.leaderboard import Leaderboard
from sweepkit.trial.trial import Trial

Drawing = dict[str, Any]  # a JSON object
_MARGIN = 0.04
_HALF_MEDIAN = 0.3  # of the distance to the next option


def against_parameter(sweep: Sweep, name: str) -> Drawing:
    """Place the trials that use a parameter by its value, with the median of each option."""
    leaders = sweep.leaderboard.leaders
    users = [trial for trial in leaders if name in trial.params]
    scale = scale_of(sweep, name)
    of = "" if len(users) == len(leaders) else f" ({len(users):,} of {len(leaders):,} trials use it)"
    is_named = scale.options is not None
    margin = 0.6 if is_named else _MARGIN * (scale.high - scale.low)
    x = {"low": scale.low - margin, "high": scale.high + margin, "ticks": scale.ticks()}
    drawing = _drawing(sweep.leaderboard.metric, users, lambda trial: scale.spread(trial.params[name], trial.number))
    drawing["x"] = {"label": name + of, "isNamed": is_named, **x}
    if is_named:
        drawing["medians"] = _medians(scale, users, name)
    return drawing


def against_cost(board: Leaderboard, cost: Cost) -> Drawing | None:
    """Place the trials by their cost, with the Pareto front; None if no report has this cost."""
    measured = cost.measured(board.leaders)
    if not measured:
        return None
    costs = {trial.number: spent for spent, trial in measured}
    log = is_wide(list(costs.values()))
    scale = Scale.numbers(min(costs.values()) if log else 0.0, max(costs.values()), log=log)
    margin = _MARGIN * (scale.high - scale.low)
    drawing = _drawing(board.metric, [trial for _, trial in measured], lambda trial: scale.place(costs[trial.number]))
    points = [(spent, _best(trial)) for spent, trial in measured]
    front = [points[place] for place in pareto_front(points, board.direction)]
    low, high = drawing["y"]["low"], drawing["y"]["high"]
    drawing["x"] = {
        "label": cost.label,
        "isNamed": False,
        "low": scale.low - margin,
        "high": scale.high + margin,
        "ticks": [(place, _short(text)) for place, text in scale.ticks()],
    }
    drawing["front"] = [(scale.place(spent), min(max(best, low), high)) for spent, best in front]
    return drawing


def _drawing(metric: str, trials: Sequence[Trial], across: Callable[[Trial], float]) -> Drawing:
    """Place trials by state and objective; far outliers lie on the edge."""
    low, high = _ends([_best(trial) for trial in trials])
    marks = [
        {
            "colour": mark.colour,
            "symbol": mark.symbol,
            "x": [across(trial) for trial in group],
            "y": [min(max(_best(trial), low), high) for trial in group],
            "trials": [trial.number for trial in group],
        }
        for mark, group in by_state(trials)
    ]
    ticks = Scale.numbers(low, high).ticks()
    return {"y": {"label": metric_words(metric), "low": low, "high": high, "ticks": ticks}, "marks": marks}


def _ends(values: Sequence[float]) -> tuple[float, float]:
    """Return the ends of the objective's axis, apart even if all values are the same."""
    ends = view(values)
    if ends:
        return ends
    low, high = min(values), max(values)
    margin = _MARGIN * (high - low) or 0.05 * abs(low) or 1.0
    return low - margin, high + margin


def _medians(scale: Scale, users: Sequence[Trial], name: str) -> list[tuple[float, float, float]]:
    """Return (start, end, median) of each option."""
    groups: dict[float, list[float]] = {}
    for trial in users:
        groups.setdefault(scale.place(trial.params[name]), []).append(_best(trial))
    return [(place - _HALF_MEDIAN, place + _HALF_MEDIAN, statistics.median(values)) for place, values in groups.items()]


def _best(trial: Trial) -> float:
    assert trial.best_value is not None, "ranked trials have a best value"
    return trial.best_value


def _short(text: str) -> str:
    """Abbreviate thousands, millions and billions: `1.5M`."""
    value = float(text)
    power = min(int(math.log10(value) // 3), 3) if value >= 10_000 else 0
    return f"{value / 1000**power:g}{('', 'k', 'M', 'G')[power]}"
