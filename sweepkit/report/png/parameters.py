"""Panels of the parameters: importance, and the best objective of each choice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sweepkit.formatting import metric_words, number, value
from sweepkit.report import style
from sweepkit.report.importance import Importances
from sweepkit.report.parameters import values_of, varied_choices
from sweepkit.report.png.marks import leave_empty, shortened
from sweepkit.results.sweep import Sweep
from sweepkit.space import Value
from sweepkit.trial.trial import Trial

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_PARAMETERS = 12
_MOST_OPTIONS = 18


def importances(axes: Axes, importance: Importances) -> None:
    """Draw the share of the variation that each parameter explains."""
    axes.set_title("Parameter importance")
    if not importance.parameters:
        leave_empty(axes, "\n".join(importance.notes) or "no parameter varies")
        return
    shown = list(reversed(importance.parameters[:_MOST_PARAMETERS]))
    spread = [[100 * (one.share - one.low) for one in shown], [100 * (one.high - one.share) for one in shown]]
    colours = [style.BAR_SOME if one.is_conditional else style.BAR for one in shown]
    shares = [100 * one.share for one in shown]
    axes.barh(range(len(shown)), shares, xerr=spread, color=colours, error_kw={"linewidth": 1, "capsize": 3})
    axes.set_yticks(range(len(shown)), [shortened(one.name, 20) for one in shown])
    note = "; pale: among the trials that use it" if any(one.is_conditional for one in shown) else ""
    axes.set_xlabel(f"share of the objective's variation, %{note}")
    axes.set_xlim(left=0)


def choices(axes: Axes, sweep: Sweep) -> None:
    """Draw the trials of each value of each choice in a row, the best of each value marked."""
    axes.set_title("Best objective of each choice")
    rows = [(name, option) for name in varied_choices(sweep) for option in values_of(sweep, name)][:_MOST_OPTIONS]
    leaders = sweep.leaderboard.leaders
    if not rows or not leaders:
        leave_empty(axes, "no choice between named values varies")
        return
    for place, (name, option) in enumerate(rows):
        _option(axes, leaders, name, option, place=place)
        if place and name != rows[place - 1][0]:
            axes.axhline(place - 0.5, color=style.GRID, linewidth=1)
    axes.set_yticks(
        range(len(rows)), [f"{shortened(name, 16)} = {shortened(value(option), 14)}" for name, option in rows]
    )
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlabel(metric_words(sweep.leaderboard.metric))
    axes.margins(x=0.12)


def logarithmic(axes: Axes) -> None:
    """Make the x axis logarithmic, with plain numbers as tick labels."""
    from matplotlib.ticker import LogLocator, NullFormatter  # not at the top: see `picture`

    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter("{x:g}")  # the default writes math markup, which `picture` does not parse
    axes.xaxis.set_minor_formatter(NullFormatter())


def _option(axes: Axes, leaders: Sequence[Trial], name: str, option: Value, *, place: int) -> None:
    """Draw the trials of one option in a row, and write the best objective beside the best."""
    trials = [trial for trial in leaders if name in trial.params and repr(trial.params[name]) == repr(option)]
    objectives = [trial.best_value or 0.0 for trial in trials]
    opacity = max(0.15, min(0.8, 30 / max(len(objectives), 1)))
    axes.scatter(objectives, [place] * len(objectives), s=14, color=style.OPTIONS[6], alpha=opacity, linewidths=0)
    for best in objectives[:1]:
        axes.scatter([best], [place], s=60, color=style.OPTIONS[0], marker="D", linewidths=0, zorder=3)
        axes.annotate(number(best), (best, place), xytext=(8, 0), textcoords="offset points", va="center", fontsize=8.5)
