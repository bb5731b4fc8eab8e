"""Figures of the parameters: importance, and choices at equal cost."""

from __future__ import annotations

from collections.abc import Sequence

from sweepkit.formatting import NOT_USED, metric_words, value
from sweepkit.report import style
from sweepkit.report.equal_cost import EqualCost, common_cost
from sweepkit.report.html.charts.plotly import Figure, Trace, axis, escaped, figure, values_axis
from sweepkit.report.importance import Importances


def importances(importance: Importances) -> Figure:
    """Draw the share of the objective's variation that each parameter explains, with its spread over the draws."""
    shown = list(reversed(importance.parameters))
    bars: Trace = {
        "type": "bar",
        "orientation": "h",
        "x": [100 * one.share for one in shown],
        "y": [escaped(one.name) for one in shown],
        "marker": {"color": [style.BAR_SOME if one.is_conditional else style.BAR for one in shown]},
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": [100 * (one.high - one.share) for one in shown],
            "arrayminus": [100 * (one.share - one.low) for one in shown],
            "color": style.INK,
            "thickness": 1.2,
            "width": 4,
        },
        "text": [f"{one.trials:,} trials" for one in shown],
        "textposition": "none",
        "hovertemplate": "%{y}: %{x:.1f} % (%{text})<extra></extra>",
    }
    x = axis("share of the objective's variation, %", rangemode="tozero")
    return figure([bars], x=x, y=axis("", type="category"), height=110 + 26 * len(shown), showlegend=False)


def at_equal_cost(metric: str, costs: Sequence[EqualCost]) -> Figure:
    """Draw the best objective so far against the epochs spent, a line for each value of a parameter."""
    traces: list[Trace] = []
    for place, cost in enumerate(costs):
        steps = [*cost.steps, (cost.epochs, cost.best)] if cost.best is not None else []
        dash = "dot" if cost.value is None else "solid" if place < len(style.OPTIONS) else "dash"
        traces.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": escaped(NOT_USED if cost.value is None else value(cost.value)),
                "x": [epochs for epochs, _ in steps],
                "y": [best for _, best in steps],
                "line": {"shape": "hv", "width": 2.4, "color": style.OPTIONS[place % len(style.OPTIONS)], "dash": dash},
                # at the end of the line only: a value that was trained for one epoch has no other point
                "marker": {"size": [0] * (len(steps) - 1) + [7], "opacity": 1},
                "hovertemplate": "%{x} epochs: %{y:.4f}<extra>%{fullData.name}</extra>",
            }
        )
    values = [best for cost in costs for _, best in cost.steps]
    x = axis("epochs spent on trials of this value", rangemode="tozero")
    line = {"type": "line", "x0": common_cost(costs), "x1": common_cost(costs), "y0": 0, "y1": 1, "yref": "paper"}
    marks = [{**line, "line": {"color": style.QUIET, "dash": "dash", "width": 1}}]
    return figure(traces, x=x, y=values_axis(f"best {metric_words(metric)} so far", values), height=360, shapes=marks)
