"""Figures of the data and of the winner's errors on it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from sweepkit.data.manifest import BIN_TOKENS, Manifest, SplitInfo
from sweepkit.report import style
from sweepkit.report.html.charts.plotly import Figure, Trace, axis, escaped, figure

_SPLIT_NAMES = {"train": "train", "valid": "validation", "test": "test"}


def share_within(facts: SplitInfo, tokens: float) -> float:
    """Return the share of a split's texts that have at most this many tokens, from the histogram: about."""
    if not facts.rows or tokens >= facts.lengths.get("max", math.inf):
        return float(bool(facts.rows))
    whole, part = divmod(tokens + 1, BIN_TOKENS)
    # the last bin has no end, so nothing is known of what is inside it
    bins = [*facts.histogram[:-1], 0]
    inside = sum(bins[: int(whole)]) + (bins[int(whole)] * part / BIN_TOKENS if whole < len(bins) else 0)
    return inside / facts.rows


def lengths(facts: SplitInfo, marks: Sequence[int]) -> Figure:
    """Draw how long the texts of a split are, what share is within each length, and the lengths that trials read."""
    filled = max((place for place, n in enumerate(facts.histogram) if n), default=0)
    last = min(max(BIN_TOKENS * (filled + 1), *marks, BIN_TOKENS), BIN_TOKENS * len(facts.histogram))
    shown = [min(mark, last) for mark in marks]
    stripe = {"type": "line", "y0": 0, "y1": 1, "yref": "paper", "line": {"dash": "dash", "width": 1.2}}
    note = {"y": 1, "yref": "paper", "yanchor": "bottom", "showarrow": False, "font": {"size": 11}}
    right = {"overlaying": "y", "side": "right", "showgrid": False}
    return figure(
        [_texts(facts.histogram), _within(facts)],
        x=axis("tokens of a text", range=[0, last]),
        y=axis("texts"),
        height=360,
        yaxis2=axis("share that fits whole, %", range=[0, 102], dtick=25, tickmode="linear", **right),
        shapes=[{**stripe, "x0": place, "x1": place} for place in shown],
        annotations=[{**note, "x": place, "text": str(mark)} for place, mark in zip(shown, marks, strict=True)],
        legend={"orientation": "h", "x": 0, "y": -0.25, "yanchor": "top"},
        margin={"l": 56, "r": 56, "t": 28, "b": 48},
    )


def _texts(histogram: Sequence[int]) -> Trace:
    edges = [BIN_TOKENS * place for place in range(len(histogram))]
    labels = [f"{edge} to {edge + BIN_TOKENS - 1}" for edge in edges[:-1]] + [f"{edges[-1]} and more"]
    return {
        "type": "bar",
        "name": "texts",
        "x": [edge + BIN_TOKENS / 2 for edge in edges],
        "y": list(histogram),
        "width": BIN_TOKENS * 0.92,
        "marker": {"color": style.BAR},
        "text": labels,
        "textposition": "none",
        "hovertemplate": "%{text} tokens: %{y:,} texts<extra></extra>",
    }


def _within(facts: SplitInfo) -> Trace:
    """Draw the share of texts up to each length; the last bin has no end."""
    within = list(itertools.accumulate(facts.histogram[:-1]))
    return {
        "type": "scatter",
        "mode": "lines",
        "name": "share that fits whole",
        "x": [BIN_TOKENS * (place + 1) - 1 for place in range(len(within))],
        "y": [100 * count / max(facts.rows, 1) for count in within],
        "yaxis": "y2",
        "line": {"color": style.OPTIONS[0], "width": 2},
        "hovertemplate": "up to %{x} tokens: %{y:.1f} %<extra></extra>",
    }


def labels(data: Manifest) -> Figure:
    """Draw the share of each label in each split."""
    splits = [name for name in reversed(list(data.splits)) if data.splits[name].rows]
    traces: list[Trace] = [
        {
            "type": "bar",
            "orientation": "h",
            "name": escaped(label),
            "y": [_SPLIT_NAMES.get(name, name) for name in splits],
            "x": [100 * data.splits[name].label_counts[place] / data.splits[name].rows for name in splits],
            "customdata": [data.splits[name].label_counts[place] for name in splits],
            "marker": {"color": style.OPTIONS[place % len(style.OPTIONS)]},
            "hovertemplate": "%{y}: %{customdata:,} texts, %{x:.1f} %<extra>%{fullData.name}</extra>",
        }
        for place, label in enumerate(data.label_names)
    ]
    x = axis("share of the texts, %", range=[0, 100])
    return figure(traces, x=x, y=axis("", type="category"), height=110 + 36 * len(splits), barmode="stack")


def confusion(counts: Sequence[Sequence[int]], names: Sequence[str]) -> Figure:
    """Draw how often each label was taken for each."""
    shares = [[100 * count / max(sum(row), 1) for count in row] for row in counts]
    said = [
        [f"{count:,}<br>{share:.1f} %" for count, share in zip(row, of, strict=True)]
        for row, of in zip(counts, shares, strict=True)
    ]
    shown = [escaped(name) for name in names]
    trace: Trace = {
        "type": "heatmap",
        "x": shown,
        "y": shown,
        "z": shares,
        "zmin": 0,
        "zmax": 100,
        "colorscale": [list(step) for step in ((0.0, "#f3f3ee"), (1.0, "#3f7fb5"))],
        "showscale": False,
        "text": said,
        "texttemplate": "%{text}" if len(names) <= 12 else "",
        "hovertemplate": "is %{y}, taken for %{x}: %{text}<extra></extra>",
    }
    x, y = axis("taken for", type="category"), axis("is", type="category", autorange="reversed")
    return figure([trace], x=x, y=y, height=200 + 60 * min(len(names), 8))
