"""Panels of the trials: leaderboard and learning curves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sweepkit.formatting import metric_words, number, params_list
from sweepkit.report import style
from sweepkit.report.html.charts.plotly import by_state
from sweepkit.report.png.marks import dots, leave_empty, limit_y, line_legend, shortened, write
from sweepkit.trial.leaderboard import Leaderboard, differing
from sweepkit.trial.trial import Trial

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LEADERS = 10
# columns of the leaderboard in widths of the axes; the first is where other panels have their tick labels
_COLUMNS = ((-0.14, "trial", "left"), (0.02, "best", "right"), (0.15, "epoch", "right"), (0.19, "state", "left"))
_WIDEST = 118  # characters of a leader's parameters that fit


def leaders(axes: Axes, board: Leaderboard) -> None:
    """List the best trials with the parameters that differ."""
    axes.set_title("Leaderboard", x=_COLUMNS[0][0])
    best = board.leaders[:_LEADERS]
    if not best:
        leave_empty(axes, f"no trial has reported {board.metric}")
        return
    axes.set_axis_off()
    for x, head, side in _COLUMNS:
        write(axes, x, 0.98, head, ha=side, fontweight="bold", fontsize=9)
    names = differing(board.trials)
    for row, trial in enumerate(best):
        _leader(axes, trial, names, y=0.91 - row * 0.092)


def curves(axes: Axes, board: Leaderboard) -> None:
    """Draw the learning curves with a marker at the end of each."""
    axes.set_title("Learning curves")
    values = [value for trial in board.trials for _, value in trial.curve(board.metric)]
    if not values:
        leave_empty(axes, f"no trial has reported {board.metric}")
        return
    opacity = max(0.08, min(0.7, 25 / len(board.trials)))
    for mark, trials in by_state(board.trials):
        curves = [curve for trial in trials if (curve := trial.curve(board.metric))]
        for curve in curves:
            axes.plot(*zip(*curve, strict=True), color=mark.colour, alpha=opacity, linewidth=1)
        ends = [curve[-1] for curve in curves]
        dots(axes, [epoch for epoch, _ in ends], [value for _, value in ends], mark)
    if best := board.best:
        line = zip(*best.curve(board.metric), strict=True)
        axes.plot(*line, color=style.BEST, linewidth=2.4, zorder=4, label=f"best: trial {best.number}")
        line_legend(axes)
    axes.set_xlabel("epoch")
    axes.set_ylabel(metric_words(board.metric))
    axes.set_xlim(0.5, max(trial.epoch for trial in board.trials) + 0.5)
    axes.locator_params(axis="x", integer=True)
    limit_y(axes, values)


def _leader(axes: Axes, trial: Trial, names: Sequence[str], *, y: float) -> None:
    texts = (
        str(trial.number),
        number(trial.best_value),
        f"{trial.best_epoch} of {trial.epoch}",
        style.MARK_OF[trial.state].label,
    )
    for (x, _, side), text in zip(_COLUMNS, texts, strict=True):
        write(axes, x, y, text, ha=side)
    params = params_list({name: trial.params[name] for name in names if name in trial.params})
    write(axes, _COLUMNS[0][0], y - 0.043, shortened(params, _WIDEST), fontsize=8.2, color=style.QUIET)
