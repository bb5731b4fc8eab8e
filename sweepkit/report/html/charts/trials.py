"""Figures of the trials themselves: learning curves, and the final stage's candidates."""

from __future__ import annotations

from collections.abc import Sequence

from sweepkit.formatting import interval, metric_words, number
from sweepkit.report import style
from sweepkit.report.data import ReportData
from sweepkit.report.html.charts.plotly import (
    OF_TRIAL,
    Figure,
    Trace,
    axis,
    by_look,
    dots,
    escaped,
    figure,
    values_axis,
)
from sweepkit.results.final_result import CandidateResult, FinalResult
from sweepkit.trial.trial import Trial


def learning_curves(findings: ReportData) -> Figure:
    """Draw the objective by epoch, a line a trial, with a mark where it ended; one trace for each outcome."""
    traces: list[Trace] = []
    n = len(findings.trials)
    opacity = max(0.15, min(0.7, 30 / max(n, 1)))
    for look, trials in by_look(findings.trials):
        traces.append(_lines(findings, trials, look, width=1.2, opacity=opacity))
        ends = [(*curve[-1], trial.number) for trial in trials if (curve := findings.objective(trial))]
        marks = dots(ends, look, size=8 if n < 200 else 6)
        traces.append({**marks, "legendgroup": look.label, "name": f"{look.label} ({len(trials):,})"})
    for trial in findings.leaders[:1]:
        best = _lines(findings, [trial], style.LOOK[trial.state], width=3, opacity=1)
        traces.append(
            {
                **best,
                "name": f"best: trial {trial.number}",
                "line": {"color": style.BEST, "width": 3},
                "legendgroup": "best",
                "showlegend": True,
            }
        )
    values = [value for trial in findings.trials for _, value in findings.objective(trial)]
    last = max((trial.epoch for trial in findings.trials), default=1)
    x = axis("epoch", range=[0.5, last + 0.5], **({"dtick": 1} if last <= 20 else {}))
    return figure(traces, x=x, y=values_axis(metric_words(findings.metric), values), height=440)


def candidates(result: FinalResult) -> Figure:
    """Draw each candidate's mean with its interval, and its runs."""
    shown = [candidate for candidate in reversed(result.candidates) if candidate.mean is not None]
    names = [escaped(candidate.name) for candidate in shown]
    runs: Trace = {
        "type": "scatter",
        "mode": "markers",
        "name": "one run",
        "x": [value for candidate in shown for value in candidate.values],
        "y": [name for candidate, name in zip(shown, names, strict=True) for _ in candidate.values],
        "marker": {"color": style.OPTIONS[6], "size": 8},
        "hovertemplate": "%{x:.4f}<extra></extra>",
    }
    whiskers = [_whiskers(candidate) for candidate in shown]
    means: Trace = {
        "type": "scatter",
        "mode": "markers",
        "name": "mean and 95 % interval",
        "x": [candidate.mean for candidate in shown],
        "y": names,
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": [above for _, above in whiskers],
            "arrayminus": [below for below, _ in whiskers],
            "color": style.OPTIONS[0],
        },
        "marker": {"color": style.OPTIONS[0], "size": 11, "symbol": "diamond"},
        "text": [f"{number(c.mean)} ({interval(c.interval) or 'no interval'})" for c in shown],
        "hovertemplate": "%{text}<extra></extra>",
    }
    x, y = axis(metric_words(result.metric)), axis("", type="category")
    return figure([runs, means], x=x, y=y, height=130 + 34 * len(shown))


def _whiskers(candidate: CandidateResult) -> tuple[float, float]:
    """Return how far a candidate's interval reaches below and above its mean; 0 without an interval."""
    mean, ends = candidate.mean, candidate.interval
    return (0.0, 0.0) if mean is None or ends is None else (mean - ends.low, ends.high - mean)


def _lines(
    findings: ReportData, trials: Sequence[Trial], look: style.MarkStyle, *, width: float, opacity: float
) -> Trace:
    """Draw the curves of trials as one trace, with a gap after each."""
    x: list[int | None] = []
    y: list[float | None] = []
    numbers: list[int | None] = []
    for trial in trials:
        curve = findings.objective(trial)
        x += [*(epoch for epoch, _ in curve), None]
        y += [*(value for _, value in curve), None]
        numbers += [*(trial.number for _ in curve), None]
    return {
        "type": "scatter",
        "mode": "lines",
        "name": look.label,
        "legendgroup": look.label,
        "showlegend": False,
        "x": x,
        "y": y,
        "customdata": numbers,
        "meta": OF_TRIAL,
        "line": {"color": look.colour, "width": width},
        "opacity": opacity,
        "hovertemplate": "epoch %{x}: %{y:.4f}<br>%{text}<extra></extra>",
    }
