"""Panels of the picture that show the trials: each draws into one pair of axes, or says why it has nothing to draw."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sweepkit.report import style
from sweepkit.report.data import ReportData
from sweepkit.report.html.charts.plotly import by_look, view

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes


def legend(findings: ReportData) -> tuple[list[Artist], list[str]]:
    """Return the marks of the outcomes that there are, and what they mean."""
    from matplotlib.lines import Line2D  # not at the top: see `picture`

    looks = [look for look, _ in by_look(findings.trials)]
    handles: list[Artist] = [
        Line2D([], [], color=look.colour, marker=look.marker, linestyle="none", markersize=8) for look in looks
    ]
    return handles, [look.label for look in looks]


def dots(axes: Axes, x: Sequence[float], y: Sequence[float], look: style.MarkStyle) -> None:
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


def write(axes: Axes, x: float, y: float, text: str, **more: Any) -> None:  # Matplotlib's own settings
    axes.text(x, y, text, va="top", transform=axes.transAxes, **more)
