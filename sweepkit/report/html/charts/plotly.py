"""What all Plotly figures of the page share: traces, axes, layouts, as plain JSON.

Figures are dictionaries, not Plotly's Python objects: those take a second to import, and their checks are done by a
test. Texts written by a user must go through `escaped`, because Plotly renders its texts as HTML.
"""

from __future__ import annotations

import html
import math
import statistics
from collections.abc import Sequence
from typing import Any

from sweepkit.report import style
from sweepkit.trial.trial import Trial

Figure = dict[str, Any]  # Plotly's JSON
Trace = dict[str, Any]  # Plotly's JSON
# marks the traces whose hover texts the page's script fills with the trial's parameters and reason
OF_TRIAL = "trial"
# values more than this many interquartile ranges outside the middle half are left out of the initial view
_FAR = 20.0


def escaped(text: object) -> str:
    """Escape a text so that Plotly shows it literally."""
    return html.escape(str(text), quote=False)


def dots(
    points: Sequence[tuple[float, float, int]], mark: style.MarkStyle, *, size: int = 7, opacity: float = 0.75
) -> Trace:
    """Draw (x, y, trial) as markers of one state, each with its trial's hover text."""
    return {
        "type": "scatter",
        "mode": "markers",
        "name": mark.label,
        "x": [x for x, _, _ in points],
        "y": [y for _, y, _ in points],
        "customdata": [trial for _, _, trial in points],
        "meta": OF_TRIAL,
        "marker": {
            "color": mark.colour,
            "symbol": mark.symbol,
            "size": size,
            "opacity": opacity,
            "line": {"width": 1 if mark.symbol.endswith("open") else 0},
        },
        "hovertemplate": "%{text}<extra></extra>",
    }


def by_state(trials: Sequence[Trial]) -> list[tuple[style.MarkStyle, list[Trial]]]:
    """Group trials by state, in drawing order, without empty groups."""
    groups = [(mark, [trial for trial in trials if trial.state is mark.state]) for mark in style.MARKS]
    return [(mark, group) for mark, group in groups if group]


def axis(title: str, **more: object) -> dict[str, Any]:  # Plotly's JSON
    """Build an axis with its title."""
    return {
        "title": {"text": escaped(title), "standoff": 8},
        "automargin": True,
        "ticklabeloverflow": "allow",  # checking for overflow takes a fifth of the drawing time
        "gridcolor": style.GRID,
        "zeroline": False,
        **more,
    }


def values_axis(title: str, values: Sequence[float]) -> dict[str, Any]:  # Plotly's JSON
    """Build the objective's axis; outliers that would squeeze all others together are out of the initial view."""
    ends = view(values)
    return axis(title, **({"range": list(ends)} if ends else {}))


def view(values: Sequence[float]) -> tuple[float, float] | None:
    """Return the ends of an axis without far outliers; None if there are no outliers."""
    if len(values) < 4:
        return None
    first, _, third = statistics.quantiles(values, n=4)
    low, high = first - _FAR * (third - first), third + _FAR * (third - first)
    if third == first or (min(values) >= low and max(values) <= high):
        return None
    inside = [value for value in values if low <= value <= high]
    margin = 0.05 * (max(inside) - min(inside))
    return min(inside) - margin, max(inside) + margin


def is_wide(values: Sequence[float]) -> bool:
    """Whether positive values need a logarithmic axis: the largest is more than 20 times the smallest."""
    return bool(values) and min(values) > 0 and max(values) / min(values) > 20


def figure(traces: Sequence[Trace], *, x: dict[str, Any], y: dict[str, Any], height: int, **more: object) -> Figure:
    """Build a figure from traces and axes."""
    layout = {
        "height": height,
        "margin": {"l": 56, "r": 16, "t": 16, "b": 48},
        "font": {"family": style.FONT, "size": 12, "color": style.INK},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "hoverlabel": {"align": "left", "bgcolor": "white", "font": {"size": 12}},
        "hovermode": "closest",
        "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": "#b0b0aa", "activecolor": style.INK, "orientation": "v"},
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "traceorder": "normal"},
        "xaxis": x,
        "yaxis": y,
        **more,
    }
    return {"data": list(traces), "layout": layout}


def compact(value: Any) -> Any:  # any JSON value
    """Round numbers to six significant digits, as the page holds thousands, and turn NaN and infinities into null."""
    if isinstance(value, float):
        return float(f"{value:.6g}") if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: compact(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [compact(item) for item in value]
    return value
