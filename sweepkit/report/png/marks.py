"""Panels of the picture that show the trials: each draws into one pair of axes, or says why it has nothing to draw."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sweepkit.formatting import metric_words
from sweepkit.report import style
from sweepkit.report.data import Findings
from sweepkit.report.html.charts.plotly import by_look, view
from sweepkit.report.saying import number, point
from sweepkit.trial.leaderboard import differing
from sweepkit.trial.trial import TrialRecord

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

_LEADERS = 10
# where the columns of the leaderboard are, in widths of the axes; it begins where other panels have their numbers
_COLUMNS = ((-0.14, "trial", "left"), (0.02, "best", "right"), (0.15, "epoch", "right"), (0.19, "ended", "left"))
_WIDEST = 118  # letters of a leader's parameters that fit


def leaders(axes: Axes, findings: Findings) -> None:
    """List the best trials with the parameters that differ."""
    axes.set_title("Leaderboard", x=_COLUMNS[0][0])
    axes.set_axis_off()
    best = findings.leaders[:_LEADERS]
    if not best:
        return say(axes, f"no trial has reported {findings.metric}")
    for x, head, side in _COLUMNS:
        _write(axes, x, 0.98, head, ha=side, fontweight="bold", fontsize=9)
    names = differing(findings.records)
    for row, trial in enumerate(best):
        _leader(axes, trial, names, y=0.91 - row * 0.092)
    return None


def curves(axes: Axes, findings: Findings) -> None:
    """Draw the learning curves with their ends."""
    axes.set_title("Learning curves")
    values = [value for record in findings.records for _, value in findings.objective(record)]
    if not values:
        axes.set_axis_off()
        return say(axes, f"no trial has reported {findings.metric}")
    opacity = max(0.08, min(0.7, 25 / len(findings.records)))
    for look, records in by_look(findings.records):
        found = [curve for record in records if (curve := findings.objective(record))]
        for curve in found:
            axes.plot(*zip(*curve, strict=True), color=look.colour, alpha=opacity, linewidth=1)
        ends = [curve[-1] for curve in found]
        dots(axes, [end[0] for end in ends], [end[1] for end in ends], look)
    for best in findings.leaders[:1]:
        line = zip(*findings.objective(best), strict=True)
        axes.plot(*line, color=style.BEST, linewidth=2.4, zorder=4, label=f"best: trial {best.number}")
        key(axes)
    axes.set_xlabel("epoch")
    axes.set_ylabel(metric_words(findings.metric))
    axes.set_xlim(0.5, max(record.epoch for record in findings.records) + 0.5)
    axes.locator_params(axis="x", integer=True)
    return limit(axes, values)


def legend(findings: Findings) -> tuple[list[Artist], list[str]]:
    """Return the marks of the outcomes that there are, and what they mean."""
    from matplotlib.lines import Line2D  # not at the top: see `picture`

    looks = [look for look, _ in by_look(findings.records)]
    handles: list[Artist] = [
        Line2D([], [], color=look.colour, marker=look.marker, linestyle="none", markersize=8) for look in looks
    ]
    return handles, [look.label for look in looks]


def dots(axes: Axes, x: Sequence[float], y: Sequence[float], look: style.Look) -> None:
    """Draw trials of one outcome as marks."""
    axes.scatter(x, y, s=24, color=look.colour, marker=look.marker, alpha=0.75, linewidths=0, zorder=3)


def key(axes: Axes) -> None:
    """Say what the labelled line is, beside the title: inside, it would hide trials."""
    axes.legend(loc="lower right", bbox_to_anchor=(1.0, 0.98), frameon=False, borderaxespad=0.2)


def limit(axes: Axes, values: Sequence[float]) -> None:
    """Leave far outliers out, as the page does."""
    ends = view(values)
    if ends:
        axes.set_ylim(*ends)


def say(axes: Axes, text: str) -> None:
    """Write a sentence where nothing can be drawn."""
    axes.text(0.5, 0.5, text, ha="center", va="center", transform=axes.transAxes, color=style.QUIET)


def cut(text: str, most: int) -> str:
    """Shorten a text to this many letters."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _leader(axes: Axes, trial: TrialRecord, names: Sequence[str], *, y: float) -> None:
    look = style.LOOK[trial.outcome]
    texts = (str(trial.number), number(trial.best_value), f"{trial.best_epoch} of {trial.epoch}", look.label)
    for (x, _, side), text in zip(_COLUMNS, texts, strict=True):
        _write(axes, x, y, text, ha=side)
    said = point({name: trial.point[name] for name in names if name in trial.point})
    _write(axes, _COLUMNS[0][0], y - 0.043, cut(said, _WIDEST), fontsize=8.2, color=style.QUIET)


def _write(axes: Axes, x: float, y: float, text: str, **more: Any) -> None:  # Matplotlib's own settings
    axes.text(x, y, text, va="top", transform=axes.transAxes, **more)
