"""Panels of the trials: the leaders and the learning curves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sweepkit.formatting import metric_words, number, params_list
from sweepkit.report import style
from sweepkit.report.data import ReportData
from sweepkit.report.html.charts.plotly import by_look
from sweepkit.report.png.marks import cut, dots, key, limit, say, write
from sweepkit.trial.leaderboard import differing
from sweepkit.trial.trial import Trial

if TYPE_CHECKING:
    from matplotlib.axes import Axes


_LEADERS = 10


# where the columns of the leaderboard are, in widths of the axes; it begins where other panels have their numbers
_COLUMNS = ((-0.14, "trial", "left"), (0.02, "best", "right"), (0.15, "epoch", "right"), (0.19, "ended", "left"))


_WIDEST = 118  # letters of a leader's parameters that fit


def leaders(axes: Axes, findings: ReportData) -> None:
    """List the best trials with the parameters that differ."""
    axes.set_title("Leaderboard", x=_COLUMNS[0][0])
    axes.set_axis_off()
    best = findings.leaders[:_LEADERS]
    if not best:
        return say(axes, f"no trial has reported {findings.metric}")
    for x, head, side in _COLUMNS:
        write(axes, x, 0.98, head, ha=side, fontweight="bold", fontsize=9)
    names = differing(findings.trials)
    for row, trial in enumerate(best):
        _leader(axes, trial, names, y=0.91 - row * 0.092)
    return None


def curves(axes: Axes, findings: ReportData) -> None:
    """Draw the learning curves with their ends."""
    axes.set_title("Learning curves")
    values = [value for trial in findings.trials for _, value in findings.objective(trial)]
    if not values:
        axes.set_axis_off()
        return say(axes, f"no trial has reported {findings.metric}")
    opacity = max(0.08, min(0.7, 25 / len(findings.trials)))
    for look, trials in by_look(findings.trials):
        found = [curve for trial in trials if (curve := findings.objective(trial))]
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
    axes.set_xlim(0.5, max(trial.epoch for trial in findings.trials) + 0.5)
    axes.locator_params(axis="x", integer=True)
    return limit(axes, values)


def _leader(axes: Axes, trial: Trial, names: Sequence[str], *, y: float) -> None:
    look = style.LOOK[trial.state]
    texts = (str(trial.number), number(trial.best_value), f"{trial.best_epoch} of {trial.epoch}", look.label)
    for (x, _, side), text in zip(_COLUMNS, texts, strict=True):
        write(axes, x, y, text, ha=side)
    said = params_list({name: trial.params[name] for name in names if name in trial.params})
    write(axes, _COLUMNS[0][0], y - 0.043, cut(said, _WIDEST), fontsize=8.2, color=style.QUIET)
