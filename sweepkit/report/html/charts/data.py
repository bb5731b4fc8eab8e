"""Figures of the data and of the winner's errors on it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from sweepkit.report import style
from sweepkit.report.html.charts.plotly import Figure, Trace, axis, escaped, figure
from sweepkit.tasks.description import ConfusionMatrix, Shares, SizeHistogram

_SPLIT_NAMES = {"train": "train", "valid": "validation", "test": "test"}


def sizes(histogram: SizeHistogram, marks: Sequence[int]) -> Figure:
    """Draw the sizes of the rows of train, the share within each size, and the limits that trials used."""
    width = histogram.width
    filled = max((place for place, n in enumerate(histogram.counts) if n), default=0)
    last = min(max(width * (filled + 1), *marks, width), width * len(histogram.counts))
    shown = [min(mark, last) for mark in marks]
    stripe = {"type": "line", "y0": 0, "y1": 1, "yref": "paper", "line": {"dash": "dash", "width": 1.2}}
    note = {"y": 1, "yref": "paper", "yanchor": "bottom", "showarrow": False, "font": {"size": 11}}
    right = {"overlaying": "y", "side": "right", "showgrid": False}
    return figure(
        [_rows(histogram), _within(histogram)],
        x=axis(histogram.size, range=[0, last]),
        y=axis(histogram.rows),
        height=360,
        yaxis2=axis("share that fits whole, %", range=[0, 102], dtick=25, tickmode="linear", **right),
        shapes=[{**stripe, "x0": place, "x1": place} for place in shown],
        annotations=[{**note, "x": place, "text": str(mark)} for place, mark in zip(shown, marks, strict=True)],
        legend={"orientation": "h", "x": 0, "y": -0.25, "yanchor": "top"},
        margin={"l": 56, "r": 56, "t": 28, "b": 48},
    )


def _rows(histogram: SizeHistogram) -> Trace:
    width, rows = histogram.width, histogram.rows
    edges = [width * place for place in range(len(histogram.counts))]
    labels = [f"{edge} to {edge + width - 1}" for edge in edges[:-1]] + [f"{edges[-1]} and more"]
    return {
        "type": "bar",
        "name": rows,
        "x": [edge + width / 2 for edge in edges],
        "y": list(histogram.counts),
        "width": width * 0.92,
        "marker": {"color": style.BAR},
        "text": labels,
        "textposition": "none",
        "hovertemplate": f"%{{text}} {histogram.unit}: %{{y:,}} {rows}<extra></extra>",
    }


def _within(histogram: SizeHistogram) -> Trace:
    """Draw the share of rows up to each size, without the open last bin."""
    within = list(itertools.accumulate(histogram.counts[:-1]))
    return {
        "type": "scatter",
        "mode": "lines",
        "name": "share that fits whole",
        "x": [histogram.width * (place + 1) - 1 for place in range(len(within))],
        "y": [100 * count / max(sum(histogram.counts), 1) for count in within],
        "yaxis": "y2",
        "line": {"color": style.OPTIONS[0], "width": 2},
        "hovertemplate": f"up to %{{x}} {histogram.unit}: %{{y:.1f}} %<extra></extra>",
    }


def shares(part: Shares) -> Figure:
    """Draw the share of each kind of row in each split."""
    splits = list(part.counts)[::-1]
    totals = {name: sum(part.counts[name]) for name in splits}
    traces: list[Trace] = [
        {
            "type": "bar",
            "orientation": "h",
            "name": escaped(kind),
            "y": [_SPLIT_NAMES.get(name, name) for name in splits],
            "x": [100 * part.counts[name][place] / totals[name] for name in splits],
            "customdata": [part.counts[name][place] for name in splits],
            "marker": {"color": style.OPTIONS[place % len(style.OPTIONS)]},
            "hovertemplate": f"%{{y}}: %{{customdata:,}} {part.rows}, %{{x:.1f}} %<extra>%{{fullData.name}}</extra>",
        }
        for place, kind in enumerate(part.kinds)
    ]
    x = axis(f"share of the {part.rows}, %", range=[0, 100])
    return figure(traces, x=x, y=axis("", type="category"), height=110 + 36 * len(splits), barmode="stack")


def confusion(matrix: ConfusionMatrix) -> Figure:
    """Draw the share of each class predicted as each class."""
    counts, names = matrix.counts, matrix.classes
    row_shares = [[100 * count / max(sum(row), 1) for count in row] for row in counts]
    texts = [
        [f"{count:,}<br>{share:.1f} %" for count, share in zip(row, of, strict=True)]
        for row, of in zip(counts, row_shares, strict=True)
    ]
    labels = [escaped(name) for name in names]
    trace: Trace = {
        "type": "heatmap",
        "x": labels,
        "y": labels,
        "z": row_shares,
        "zmin": 0,
        "zmax": 100,
        "colorscale": [list(step) for step in ((0.0, "#f3f3ee"), (1.0, "#3f7fb5"))],
        "showscale": False,
        "text": texts,
        "texttemplate": "%{text}" if len(names) <= 12 else "",
        "hovertemplate": "%{y}, predicted as %{x}: %{text}<extra></extra>",
    }
    x, y = axis("predicted", type="category"), axis("target", type="category", autorange="reversed")
    return figure([trace], x=x, y=y, height=200 + 60 * min(len(names), 8))
