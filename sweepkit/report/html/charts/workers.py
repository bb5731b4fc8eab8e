"""The figure of the workers over time."""

from __future__ import annotations

from collections.abc import Sequence

from sweepkit.formatting import duration
from sweepkit.report import style
from sweepkit.report.html.charts.plotly import OF_TRIAL, Figure, Trace, axis, figure
from sweepkit.report.timeline import Bar, Timeline

_MOST_NOTES = 12  # labelled pauses; more would be unreadable


def workers(timeline: Timeline) -> Figure:
    """Draw the bars of each worker, coloured by state, with pauses as grey stripes."""
    unit, unit_s = timeline.unit
    groups = [(mark, [bar for bar in timeline.bars if bar.state is mark.state]) for mark in style.MARKS]
    traces = [_bars(mark, bars, unit_s) for mark, bars in groups if bars]
    stripe = {"type": "rect", "y0": 0, "y1": 1, "yref": "paper", "layer": "below", "fillcolor": style.PAUSE}
    stripes = [
        {**stripe, "x0": pause.start / unit_s, "x1": pause.end / unit_s, "line": {"width": 0}}
        for pause in timeline.pauses
    ]
    note = {"y": 0.5, "yref": "paper", "textangle": -90, "showarrow": False, "font": {"size": 11, "color": style.QUIET}}
    notes = [
        {**note, "x": (pause.start + pause.end) / 2 / unit_s, "text": f"pause of {duration(pause.seconds)}"}
        for pause in timeline.pauses[:_MOST_NOTES]
    ]
    cut = ", pauses cut out" if timeline.pauses else ""
    x = axis(f"time since the start, {unit}{cut}", range=[0, timeline.end / unit_s])
    y = axis("worker", dtick=max(1, timeline.n_lanes // 12), range=[timeline.n_lanes + 0.6, 0.4])
    height = 150 + min(28 * timeline.n_lanes, 520)
    return figure(traces, x=x, y=y, height=height, barmode="overlay", shapes=stripes, annotations=notes)


def _bars(mark: style.MarkStyle, bars: Sequence[Bar], unit_s: float) -> Trace:
    return {
        "type": "bar",
        "orientation": "h",
        "name": mark.label,
        "base": [bar.start / unit_s for bar in bars],
        "x": [(bar.end - bar.start) / unit_s for bar in bars],
        "y": [bar.lane + 1 for bar in bars],
        "width": 0.8,
        "customdata": [bar.trial for bar in bars],
        "meta": OF_TRIAL,
        "marker": {"color": mark.colour, "line": {"color": "white", "width": 0.6}},
        "textposition": "none",
        "hovertemplate": "%{text}<extra></extra>",
    }
