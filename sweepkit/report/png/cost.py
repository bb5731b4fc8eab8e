"""Panels of what the sweep cost: the Pareto fronts and the workers' hours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sweepkit.formatting import duration, metric_words
from sweepkit.report import style
from sweepkit.report.data import ReportData
from sweepkit.report.html.charts.plotly import by_look, is_wide
from sweepkit.report.pareto import COSTS, front
from sweepkit.report.png.marks import dots, key, limit, say
from sweepkit.report.png.parameters import logarithmic
from sweepkit.report.timeline import Timeline

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def costs(axes: Axes, findings: ReportData) -> None:
    """Draw the objective against the first cost that the reports have."""
    axes.set_title("What it costs")
    found = [(cost, known) for cost in COSTS if (known := cost.known(findings.leaders))]
    if not found:
        axes.set_axis_off()
        return say(axes, f"no trial has reported {findings.metric}")
    cost, known = found[0]
    for look, trials in by_look([trial for _, trial in known]):
        spent = [spent for spent, trial in known if trial.state is look.state]
        dots(axes, spent, [trial.best_value or 0.0 for trial in trials], look)
    param_sets = [(spent, trial.best_value or 0.0) for spent, trial in known]
    unbeaten = list(zip(*(param_sets[place] for place in front(param_sets, findings.direction)), strict=True))
    ring: dict[str, Any] = {"marker": "o", "markerfacecolor": "none", "markersize": 10}  # Matplotlib's own settings
    axes.step(*unbeaten, where="post", color=style.BEST, linewidth=1.2, label="not beaten at this cost", **ring)
    key(axes)
    if is_wide([spent for spent, _ in param_sets]):
        logarithmic(axes)
    axes.set_xlabel(cost.label)
    axes.set_ylabel(metric_words(findings.metric))
    return limit(axes, [y for _, y in param_sets])


def workers(axes: Axes, found: Timeline | None) -> None:
    """Draw the trials by worker and time."""
    axes.set_title("Workers over time")
    if found is None:
        axes.set_axis_off()
        return say(axes, "no trial has run")
    unit, per = found.unit
    for bar in found.bars:
        place = [(bar.start / per, (bar.end - bar.start) / per)], (bar.lane + 0.6, 0.8)
        axes.broken_barh(*place, facecolors=style.LOOK[bar.state].colour, edgecolor="white", linewidth=0.5)
    for n, pause in enumerate(found.pauses):
        axes.axvspan(pause.start / per, pause.end / per, color=style.PAUSE, linewidth=0, zorder=0)
        middle = (pause.start + pause.end) / 2 / per
        said = f"pause of {duration(pause.seconds)}" if n < 6 else ""
        where = axes.get_xaxis_transform()
        axes.text(middle, 0.5, said, rotation=90, ha="center", va="center", fontsize=8, transform=where)
    axes.set_ylim(found.n_lanes + 0.6, 0.4)
    axes.set_xlim(0, found.end / per)
    axes.set_yticks(range(1, found.n_lanes + 1, max(1, found.n_lanes // 10)))
    cut_out = ", pauses cut out" if found.pauses else ""
    axes.set_xlabel(f"time since the start, {unit}{cut_out}; idle for {found.idle:.1%}")
    axes.set_ylabel("worker")
    return None
