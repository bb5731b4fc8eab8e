"""One picture of a sweep: leaderboard, learning curves, parameter importance, choices, cost, workers over time.

For slides and messages; the page shows more. Drawn by Matplotlib without a display. Try `picture(sweep)[:4]`, the
start of a PNG file.
"""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING, Any

from sweepkit.formatting import count, metric_words, number
from sweepkit.report import style
from sweepkit.report.importance import Importances, importance
from sweepkit.report.png import cost, marks, parameters, trials
from sweepkit.report.timeline import timeline
from sweepkit.results.sweep import Sweep

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SETTINGS: dict[Any, Any] = {  # Matplotlib's rcParams
    "font.size": 10,
    "axes.edgecolor": "#8a8a85",
    "axes.labelcolor": style.INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.titlesize": 11,
    "text.color": style.INK,
    "xtick.color": style.INK,
    "ytick.color": style.INK,
    "text.parse_math": False,  # a "$" in a parameter's value is a plain character
}
_INCHES, _DPI = (16.0, 15.0), 100


def picture(sweep: Sweep, importances: Importances | None = None) -> bytes:
    """Draw the panels as a PNG file; `importances` saves their computation where they are needed twice."""
    from matplotlib import rc_context  # not at the top: slow to import, and a page needs none of it
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with rc_context(_SETTINGS), warnings.catch_warnings():
        # characters that the font lacks are drawn as boxes, which is not worth a warning
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure = Figure(figsize=_INCHES, dpi=_DPI, facecolor="white")
        FigureCanvasAgg(figure)
        _draw(figure, sweep, importances or importance(sweep))
        return _png(figure)


def _draw(figure: Figure, sweep: Sweep, importances: Importances) -> None:
    figure.suptitle(_title(sweep), x=0.03, y=0.985, ha="left", va="top", fontsize=15, fontweight="bold")
    figure.text(0.03, 0.958, _subtitle(sweep), ha="left", va="top", fontsize=11, color=style.QUIET)
    grid = figure.add_gridspec(
        3, 2, left=0.105, right=0.975, top=0.895, bottom=0.05, hspace=0.34, wspace=0.34, height_ratios=(1.05, 1, 0.9)
    )
    trials.leaders(figure.add_subplot(grid[0, 0]), sweep.leaderboard)
    trials.curves(figure.add_subplot(grid[0, 1]), sweep.leaderboard)
    parameters.importances(figure.add_subplot(grid[1, 0]), importances)
    parameters.choices(figure.add_subplot(grid[1, 1]), sweep)
    cost.costs(figure.add_subplot(grid[2, 0]), sweep.leaderboard)
    cost.workers(figure.add_subplot(grid[2, 1]), timeline(sweep.trials))
    handles, names = marks.legend(sweep.trials)
    if handles:
        figure.legend(handles, names, loc="upper right", bbox_to_anchor=(0.978, 0.985), ncols=len(names), frameon=False)


def _png(figure: Figure) -> bytes:
    """Save the figure with 256 colours, which are enough for the panels and take a third of the bytes."""
    from PIL import Image  # installed with Matplotlib

    full = io.BytesIO()
    figure.savefig(full, format="png")
    content = io.BytesIO()
    Image.open(full).convert("RGB").quantize(256, dither=Image.Dither.NONE).save(content, "PNG", optimize=True)
    return content.getvalue()


def _title(sweep: Sweep) -> str:
    title = f"Sweep {sweep.name}: {count(len(sweep.trials), 'trial')}"
    if best := sweep.leaderboard.best:
        title += f", best {metric_words(sweep.leaderboard.metric)} {number(best.best_value)} (trial {best.number})"
    return title


def _subtitle(sweep: Sweep) -> str:
    code, epochs = sweep.manifest.code, sum(len(trial.reports) for trial in sweep.trials)
    parts = [f"{count(epochs, 'epoch')} trained", f"on {code.host or 'an unknown host'}"]
    if code.commit:
        parts.append(f"commit {code.commit[:10]}{' with uncommitted changes' if code.dirty else ''}")
    if final := sweep.final:
        doubt = ", in doubt" if final.is_in_doubt else ""
        winner, mean = final.winner.name, number(final.winner_mean)
        parts.append(f"final stage: {winner} with a mean of {mean}{doubt}")
    return "  ·  ".join(parts)
