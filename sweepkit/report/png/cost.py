"""Panels of what the sweep cost: objective by cost, and workers over time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sweepkit.formatting import duration, metric_words
from sweepkit.report import style
from sweepkit.report.html.charts.plotly import by_state, is_wide
from sweepkit.report.pareto import COSTS, pareto_front
from sweepkit.report.png.marks import dots, leave_empty, limit_y, line_legend
from sweepkit.report.png.parameters import logarithmic
from sweepkit.report.timeline import Timeline
from sweepkit.trial.leaderboard import Leaderboard

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_NOTES = 6  # labelled pauses; more would be unreadable


def costs(axes: Axes, board: Leaderboard) -> None:
    """Draw the objective against the first cost that the reports have, with the Pareto front."""
    axes.set_title("Objective by cost")
    costs = [(cost, measured) for cost in COSTS if (measured := cost.measured(board.leaders))]
    if not costs:
        leave_empty(axes, f"no trial has reported {board.metric}")
        return
    cost, measured = costs[0]
    for mark, trials in by_state([trial for _, trial in measured]):
        spent = [spent for spent, trial in measured if trial.state is mark.state]
        dots(axes, spent, [trial.best_value or 0.0 for trial in trials], mark)
    points = [(spent, trial.best_value or 0.0) for spent, trial in measured]
    _front(axes, [points[place] for place in pareto_front(points, board.direction)])
    if is_wide([spent for spent, _ in points]):
        logarithmic(axes)
    axes.set_xlabel(cost.label)
    axes.set_ylabel(metric_words(board.metric))
    limit_y(axes, [objective for _, objective in points])


def workers(axes: Axes, timeline: Timeline | None) -> None:
    """Draw the trials by worker and time."""
    axes.set_title("Workers over time")
    if timeline is None:
        leave_empty(axes, "no trial has run")
        return
    unit, unit_s = timeline.unit
    for bar in timeline.bars:
        place = [(bar.start / unit_s, (bar.end - bar.start) / unit_s)], (bar.lane + 0.6, 0.8)
        axes.broken_barh(*place, facecolors=style.MARK_OF[bar.state].colour, edgecolor="white", linewidth=0.5)
    for n, pause in enumerate(timeline.pauses):
        axes.axvspan(pause.start / unit_s, pause.end / unit_s, color=style.PAUSE, linewidth=0, zorder=0)
        middle = (pause.start + pause.end) / 2 / unit_s
        label = f"pause of {duration(pause.seconds)}" if n < _MOST_NOTES else ""
        transform = axes.get_xaxis_transform()
        axes.text(middle, 0.5, label, rotation=90, ha="center", va="center", fontsize=8, transform=transform)
    axes.set_ylim(timeline.n_lanes + 0.6, 0.4)
    axes.set_xlim(0, timeline.end / unit_s)
    axes.set_yticks(range(1, timeline.n_lanes + 1, max(1, timeline.n_lanes // 10)))
    cut_out = ", pauses cut out" if timeline.pauses else ""
    axes.set_xlabel(f"time since the start, {unit}{cut_out}; idle for {timeline.idle:.1%}")
    axes.set_ylabel("worker")


def _front(axes: Axes, front: Sequence[tuple[float, float]]) -> None:
    """Draw the Pareto front as steps, its trials ringed."""
    ring: dict[str, Any] = {"marker": "o", "markerfacecolor": "none", "markersize": 10}  # Matplotlib's line properties
    steps = zip(*front, strict=True)
    axes.step(*steps, where="post", color=style.BEST, linewidth=1.2, label="Pareto front", **ring)
    line_legend(axes)
