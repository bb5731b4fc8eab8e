"""Panels of the picture that show parameters, costs and workers; as `panels`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sweepkit.formatting import metric_words
from sweepkit.report import style
from sweepkit.report.data import Findings
from sweepkit.report.html.charts.plotly import by_look, is_wide
from sweepkit.report.importance import Importances
from sweepkit.report.pareto import COSTS, front
from sweepkit.report.png.marks import cut, dots, key, limit, say
from sweepkit.report.saying import duration, number, value
from sweepkit.report.timeline import Timeline
from sweepkit.space import Value

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_PARAMETERS = 12
_MOST_OPTIONS = 18


def importances(axes: Axes, found: Importances) -> None:
    """Draw what each parameter explains."""
    axes.set_title("Which parameters matter")
    if not found.found:
        axes.set_axis_off()
        return say(axes, "\n".join(found.notes) or "no parameter varies")
    shown = list(reversed(found.found[:_MOST_PARAMETERS]))
    spread = [[100 * (one.share - one.low) for one in shown], [100 * (one.high - one.share) for one in shown]]
    colours = [style.BAR_SOME if one.is_conditional else style.BAR for one in shown]
    shares = [100 * one.share for one in shown]
    axes.barh(range(len(shown)), shares, xerr=spread, color=colours, error_kw={"linewidth": 1, "capsize": 3})
    axes.set_yticks(range(len(shown)), [cut(one.name, 20) for one in shown])
    some = "; pale: among the trials that use it" if any(one.is_conditional for one in shown) else ""
    axes.set_xlabel(f"share of the objective's variation, %{some}")
    axes.set_xlim(left=0)
    return None


def choices(axes: Axes, findings: Findings) -> None:
    """Draw every trial by the value of each choice, the best of each value marked."""
    axes.set_title("Best of each choice")
    rows = [(name, one) for name in findings.varied_choices for one in findings.values(name)][:_MOST_OPTIONS]
    if not rows or not findings.leaders:
        axes.set_axis_off()
        return say(axes, "no choice between named values varies")
    for place, (name, one) in enumerate(rows):
        _choice(axes, findings, name, one, place=place)
        if place and name != rows[place - 1][0]:
            axes.axhline(place - 0.5, color=style.GRID, linewidth=1)
    axes.set_yticks(range(len(rows)), [f"{cut(name, 16)} = {cut(value(one), 14)}" for name, one in rows])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlabel(metric_words(findings.metric))
    axes.margins(x=0.12)
    return None


def costs(axes: Axes, findings: Findings) -> None:
    """Draw the objective against the first cost that the reports have."""
    axes.set_title("What it costs")
    found = [(cost, known) for cost in COSTS if (known := cost.known(findings.leaders))]
    if not found:
        axes.set_axis_off()
        return say(axes, f"no trial has reported {findings.metric}")
    cost, known = found[0]
    for look, trials in by_look([trial for _, trial in known]):
        spent = [spent for spent, trial in known if trial.outcome is look.outcome]
        dots(axes, spent, [trial.best_value or 0.0 for trial in trials], look)
    points = [(spent, trial.best_value or 0.0) for spent, trial in known]
    unbeaten = list(zip(*(points[place] for place in front(points, findings.mode)), strict=True))
    ring: dict[str, Any] = {"marker": "o", "markerfacecolor": "none", "markersize": 10}  # Matplotlib's own settings
    axes.step(*unbeaten, where="post", color=style.BEST, linewidth=1.2, label="not beaten at this cost", **ring)
    key(axes)
    if is_wide([spent for spent, _ in points]):
        _logarithmic(axes)
    axes.set_xlabel(cost.label)
    axes.set_ylabel(metric_words(findings.metric))
    return limit(axes, [y for _, y in points])


def workers(axes: Axes, found: Timeline | None) -> None:
    """Draw the trials by worker and time."""
    axes.set_title("Workers over time")
    if found is None:
        axes.set_axis_off()
        return say(axes, "no trial has run")
    unit, per = found.unit
    for bar in found.bars:
        place = [(bar.start / per, (bar.end - bar.start) / per)], (bar.lane + 0.6, 0.8)
        axes.broken_barh(*place, facecolors=style.LOOK[bar.outcome].colour, edgecolor="white", linewidth=0.5)
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


def _logarithmic(axes: Axes) -> None:
    from matplotlib.ticker import LogLocator, NullFormatter  # not at the top: see `picture`

    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter("{x:g}")  # its own has mathematical signs, which `picture` does not parse
    axes.xaxis.set_minor_formatter(NullFormatter())


def _choice(axes: Axes, findings: Findings, name: str, one: Value, *, place: int) -> None:
    """Draw the trials of one value in a row, and write the best objective beside the best."""
    trials = [trial for trial in findings.leaders if name in trial.point and repr(trial.point[name]) == repr(one)]
    found = [trial.best_value or 0.0 for trial in trials]
    opacity = max(0.15, min(0.8, 30 / max(len(found), 1)))
    axes.scatter(found, [place] * len(found), s=14, color=style.OPTIONS[6], alpha=opacity, linewidths=0)
    for best in found[:1]:
        axes.scatter([best], [place], s=60, color=style.OPTIONS[0], marker="D", linewidths=0, zorder=3)
        beside: dict[str, Any] = {
            "xytext": (8, 0),
            "textcoords": "offset points",
            "va": "center",
            "fontsize": 8.5,
        }  # as above
        axes.annotate(number(best), (best, place), **beside)
