"""One picture of a sweep: who leads, how trials learned, what mattered, what it cost, who worked when.

For slides and messages; the page has the rest. Matplotlib without a display. Try `picture(findings)[:4]`, which is
the start of a PNG file.
"""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING, Any

from sweepkit.formatting import count, metric_words, number
from sweepkit.report import style
from sweepkit.report.data import ReportData
from sweepkit.report.importance import Importances, importance
from sweepkit.report.png import cost, marks, parameters, trials
from sweepkit.report.timeline import timeline

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SETTINGS: dict[Any, Any] = {  # Matplotlib's own
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
    "text.parse_math": False,  # a "$" in a parameter's value is a dollar
}
_INCHES, _DPI = (16.0, 15.0), 100


def picture(findings: ReportData, importances: Importances | None = None) -> bytes:
    """Draw the panels and return the content of a PNG file; `importances` as in `page`."""
    from matplotlib import rc_context  # not at the top: most of what reads this package draws no picture
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with rc_context(_SETTINGS), warnings.catch_warnings():
        # a name in a script that the font lacks is drawn as boxes, which is no news to whoever wrote it
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure = Figure(figsize=_INCHES, dpi=_DPI, facecolor="white")
        FigureCanvasAgg(figure)
        _draw(figure, findings, importances or importance(findings))
        return _png(figure)


def _draw(figure: Figure, findings: ReportData, importances: Importances) -> None:
    figure.suptitle(_title(findings), x=0.03, y=0.985, ha="left", va="top", fontsize=15, fontweight="bold")
    figure.text(0.03, 0.958, _subtitle(findings), ha="left", va="top", fontsize=11, color=style.QUIET)
    grid = figure.add_gridspec(
        3, 2, left=0.105, right=0.975, top=0.895, bottom=0.05, hspace=0.34, wspace=0.34, height_ratios=(1.05, 1, 0.9)
    )
    trials.leaders(figure.add_subplot(grid[0, 0]), findings)
    trials.curves(figure.add_subplot(grid[0, 1]), findings)
    parameters.importances(figure.add_subplot(grid[1, 0]), importances)
    parameters.choices(figure.add_subplot(grid[1, 1]), findings)
    cost.costs(figure.add_subplot(grid[2, 0]), findings)
    cost.workers(figure.add_subplot(grid[2, 1]), timeline(findings.trials))
    handles, names = marks.legend(findings)
    if handles:
        figure.legend(handles, names, loc="upper right", bbox_to_anchor=(0.978, 0.985), ncols=len(names), frameon=False)


def _png(figure: Figure) -> bytes:
    """Draw with 256 colours, which is all that the panels need and a third of the bytes."""
    from PIL import Image  # a dependency of Matplotlib

    drawn = io.BytesIO()
    figure.savefig(drawn, format="png")
    content = io.BytesIO()
    Image.open(drawn).convert("RGB").quantize(256, dither=Image.Dither.NONE).save(content, "PNG", optimize=True)
    return content.getvalue()


def _title(findings: ReportData) -> str:
    found = f"Sweep {findings.name}: {count(len(findings.trials), 'trial')}"
    for best in findings.leaders[:1]:
        found += f", best {metric_words(findings.metric)} {number(best.best_value)} (trial {best.number})"
    return found


def _subtitle(findings: ReportData) -> str:
    spent = sum(len(trial.reports) for trial in findings.trials)
    parts = [f"{count(spent, 'epoch')} trained", f"on {findings.manifest.get('host', 'an unknown host')}"]
    commit = findings.manifest.get("commit")
    if commit:
        parts.append(f"commit {commit[:10]}{' with changes' if findings.manifest.get('dirty') else ''}")
    if findings.final:
        doubt = ", in doubt" if findings.final.is_in_doubt else ""
        winner, mean = findings.final.winner.name, number(findings.final.winner_mean)
        parts.append(f"final stage: {winner} with a mean of {mean}{doubt}")
    return "  ·  ".join(parts)
