"""Markers, legends and texts that the panels of the picture share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sweepkit.report import style
from sweepkit.report.html.charts.plotly import by_state, view
from sweepkit.trial.trial import Trial

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes


def legend(trials: Sequence[Trial]) -> tuple[list[Artist], list[str]]:
    """Return the markers of the states among the trials, and their labels."""
    from matplotlib.lines import Line2D  # not at the top: see `picture`

    marks = [mark for mark, _ in by_state(trials)]
    handles: list[Artist] = [
        Line2D([], [], color=mark.colour, marker=mark.marker, linestyle="none", markersize=8) for mark in marks
    ]
    return handles, [mark.label for mark in marks]


def dots(axes: Axes, x: Sequence[float], y: Sequence[float], mark: style.MarkStyle) -> None:
    """Draw trials of one state as markers."""
    axes.scatter(x, y, s=24, color=mark.colour, marker=mark.marker, alpha=0.75, linewidths=0, zorder=3)


def line_legend(axes: Axes) -> None:
    """Draw the legend of the labelled line beside the title; inside, it would hide trials."""
    axes.legend(loc="lower right", bbox_to_anchor=(1.0, 0.98), frameon=False, borderaxespad=0.2)


def limit_y(axes: Axes, values: Sequence[float]) -> None:
    """Limit the y axis to values without far outliers, as on the page."""
    ends = view(values)
    if ends:
        axes.set_ylim(*ends)


def leave_empty(axes: Axes, reason: str) -> None:
    """Write the reason why a panel is empty in place of its axes."""
    axes.set_axis_off()
    axes.text(0.5, 0.5, reason, ha="center", va="center", transform=axes.transAxes, color=style.QUIET)


def shortened(text: str, most: int) -> str:
    """Shorten a text to this many characters."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def write(axes: Axes, x: float, y: float, text: str, **more: Any) -> None:  # text properties of Matplotlib
    """Write a text with its top at a point in axes coordinates."""
    axes.text(x, y, text, va="top", transform=axes.transAxes, **more)
