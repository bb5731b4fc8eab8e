"""Figures of the trials: learning curves, and the candidates of the final stage."""

from __future__ import annotations

from collections.abc import Sequence

from sweepkit.formatting import interval, metric_words, number
from sweepkit.report import style
from sweepkit.report.html.charts.plotly import (
    OF_TRIAL,
    Figure,
    Trace,
    axis,
    by_state,
    dots,
    escaped,
    figure,
    values_axis,
)
from sweepkit.results.final_result import CandidateResult, FinalResult
from sweepkit.trial.leaderboard import Leaderboard
from sweepkit.trial.trial import Trial


def learning_curves(board: Leaderboard) -> Figure:
    """Draw the objective by epoch, a line for each trial with a marker at its end, in one trace for each state."""
    traces: list[Trace] = []
    n = len(board.trials)
    opacity = max(0.15, min(0.7, 30 / max(n, 1)))
    for mark, trials in by_state(board.trials):
        traces.append(_lines(board.metric, trials, mark, width=1.2, opacity=opacity))
        ends = [(*curve[-1], trial.number) for trial in trials if (curve := trial.curve(board.metric))]
        markers = dots(ends, mark, size=8 if n < 200 else 6)
        traces.append({**markers, "legendgroup": mark.label, "name": f"{mark.label} ({len(trials):,})"})
    for trial in board.leaders[:1]:
        best = _lines(board.metric, [trial], style.MARK_OF[trial.state], width=3, opacity=1)
        traces.append(
            {
                **best,
                "name": f"best: trial {trial.number}",
                "line": {"color": style.BEST, "width": 3},
                "legendgroup": "best",
                "showlegend": True,
            }
        )
    values = [value for trial in board.trials for _, value in trial.curve(board.metric)]
    last = max((trial.epoch for trial in board.trials), default=1)
    x = axis("epoch", range=[0.5, last + 0.5], **({"dtick": 1} if last <= 20 else {}))
    return figure(traces, x=x, y=values_axis(metric_words(board.metric), values), height=440)


def candidates(result: FinalResult) -> Figure:
    """Draw the runs of each candidate, and their mean with its interval."""
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


def _lines(metric: str, trials: Sequence[Trial], mark: style.MarkStyle, *, width: float, opacity: float) -> Trace:
    """Draw the curves of these trials as one trace, with a gap after each curve."""
    x: list[int | None] = []
    y: list[float | None] = []
    numbers: list[int | None] = []
    for trial in trials:
        curve = trial.curve(metric)
        x += [*(epoch for epoch, _ in curve), None]
        y += [*(value for _, value in curve), None]
        numbers += [*(trial.number for _ in curve), None]
    return {
        "type": "scatter",
        "mode": "lines",
        "name": mark.label,
        "legendgroup": mark.label,
        "showlegend": False,
        "x": x,
        "y": y,
        "customdata": numbers,
        "meta": OF_TRIAL,
        "line": {"color": mark.colour, "width": width},
        "opacity": opacity,
        "hovertemplate": "epoch %{x}: %{y:.4f}<br>%{text}<extra></extra>",
    }
