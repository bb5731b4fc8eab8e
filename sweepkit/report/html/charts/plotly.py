"""Pieces that all figures of the page share: traces, axes, layouts, as the plain JSON that Plotly draws.

Figures are dictionaries, not Plotly's Python objects: those take a second to import and check what a test can check.
Texts that a user wrote must go through `escaped`, since Plotly takes its texts for HTML.
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
Trace = dict[str, Any]  # as above
# the page's script writes the trial's parameters and ending beside what has this mark
OF_TRIAL = "trial"
# a value farther than this many quartile ranges from the middle half is left out of a plot's first view
_FAR = 20.0


def escaped(text: object) -> str:
    """Turn a text into one that Plotly shows as it is."""
    return html.escape(str(text), quote=False)


def dots(
    param_sets: Sequence[tuple[float, float, int]], look: style.MarkStyle, *, size: int = 7, opacity: float = 0.75
) -> Trace:
    """Draw (x, y, trial) as marks of an outcome, each with its trial's story."""
    return {
        "type": "scatter",
        "mode": "markers",
        "name": look.label,
        "x": [params[0] for params in param_sets],
        "y": [params[1] for params in param_sets],
        "customdata": [params[2] for params in param_sets],
        "meta": OF_TRIAL,
        "marker": {
            "color": look.colour,
            "symbol": look.symbol,
            "size": size,
            "opacity": opacity,
            "line": {"width": 1 if look.symbol.endswith("open") else 0},
        },
        "hovertemplate": "%{text}<extra></extra>",
    }


def by_look(trials: Sequence[Trial]) -> list[tuple[style.MarkStyle, list[Trial]]]:
    """Group trials by outcome, in the order in which they are to be drawn; only outcomes that there are."""
    grouped = {look: [r for r in trials if r.state is look.state] for look in style.LOOKS}
    return [(look, found) for look, found in grouped.items() if found]


def axis(title: str, **more: object) -> dict[str, Any]:  # Plotly's JSON
    """Build an axis with its name."""
    return {
        "title": {"text": escaped(title), "standoff": 8},
        "automargin": True,
        "ticklabeloverflow": "allow",  # to look for it takes a fifth of the time of drawing
        "gridcolor": style.GRID,
        "zeroline": False,
        **more,
    }


def values_axis(title: str, values: Sequence[float]) -> dict[str, Any]:  # as above
    """Build the axis of the objective; values that would squeeze all others together are out of the first view."""
    ends = view(values)
    return axis(title, **({"range": list(ends)} if ends else {}))


def view(values: Sequence[float]) -> tuple[float, float] | None:
    """Return the ends of an axis that leaves far outliers out; None where there are none."""
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
    """Put traces and axes together."""
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
    """Round numbers to six figures and turn what is not finite into null: the page holds thousands of them."""
    if isinstance(value, float):
        return float(f"{value:.6g}") if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: compact(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [compact(one) for one in value]
    return value
