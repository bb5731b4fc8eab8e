"""Panels of the picture that show parameters, costs and workers; as `panels`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sweepkit.formatting import metric_words, number, value
from sweepkit.report import style
from sweepkit.report.data import ReportData
from sweepkit.report.importance import Importances
from sweepkit.report.png.marks import cut, say
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


def choices(axes: Axes, findings: ReportData) -> None:
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


def logarithmic(axes: Axes) -> None:
    from matplotlib.ticker import LogLocator, NullFormatter  # not at the top: see `picture`

    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter("{x:g}")  # its own has mathematical signs, which `picture` does not parse
    axes.xaxis.set_minor_formatter(NullFormatter())


def _choice(axes: Axes, findings: ReportData, name: str, one: Value, *, place: int) -> None:
    """Draw the trials of one value in a row, and write the best objective beside the best."""
    trials = [trial for trial in findings.leaders if name in trial.params and repr(trial.params[name]) == repr(one)]
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
