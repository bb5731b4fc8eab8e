"""The figure of who worked when."""

from __future__ import annotations

from collections.abc import Sequence

from sweepkit.formatting import duration
from sweepkit.report import style
from sweepkit.report.html.charts.plotly import OF_TRIAL, Figure, Trace, axis, figure
from sweepkit.report.timeline import Bar, Timeline

_MOST_NOTES = 12  # pauses that are named; more would not be readable


def workers(found: Timeline) -> Figure:
    """Draw the bars of each lane, coloured by outcome, with pauses as grey stripes."""
    unit, per = found.unit
    grouped = [(look, [bar for bar in found.bars if bar.state is look.state]) for look in style.LOOKS]
    traces = [_bars(look, bars, per) for look, bars in grouped if bars]
    stripe = {"type": "rect", "y0": 0, "y1": 1, "yref": "paper", "layer": "below", "fillcolor": style.PAUSE}
    stripes = [
        {**stripe, "x0": pause.start / per, "x1": pause.end / per, "line": {"width": 0}} for pause in found.pauses
    ]
    note = {"y": 0.5, "yref": "paper", "textangle": -90, "showarrow": False, "font": {"size": 11, "color": style.QUIET}}
    notes = [
        {**note, "x": (pause.start + pause.end) / 2 / per, "text": f"pause of {duration(pause.seconds)}"}
        for pause in found.pauses[:_MOST_NOTES]
    ]
    cut = ", pauses cut out" if found.pauses else ""
    x = axis(f"time since the start, {unit}{cut}", range=[0, found.end / per])
    y = axis("worker", dtick=max(1, found.n_lanes // 12), range=[found.n_lanes + 0.6, 0.4])
    height = 150 + min(28 * found.n_lanes, 520)
    return figure(traces, x=x, y=y, height=height, barmode="overlay", shapes=stripes, annotations=notes)


def _bars(look: style.MarkStyle, bars: Sequence[Bar], per: float) -> Trace:
    return {
        "type": "bar",
        "orientation": "h",
        "name": look.label,
        "base": [bar.start / per for bar in bars],
        "x": [(bar.end - bar.start) / per for bar in bars],
        "y": [bar.lane + 1 for bar in bars],
        "width": 0.8,
        "customdata": [bar.trial for bar in bars],
        "meta": OF_TRIAL,
        "marker": {"color": look.colour, "line": {"color": "white", "width": 0.6}},
        "textposition": "none",
        "hovertemplate": "%{text}<extra></extra>",
    }
