"""The sections on trials: summary, leaderboard, learning curves."""

from __future__ import annotations

from collections.abc import Sequence

from sweepkit.formatting import count, duration, metric_words, moment, number, params_list, value
from sweepkit.report import style
from sweepkit.report.html.blocks import Block, Board, Details, Plot, Section, Table, Text, Tiles
from sweepkit.report.html.charts.plotly import view
from sweepkit.report.html.charts.trials import learning_curves
from sweepkit.report.html.headings import section
from sweepkit.report.html.sections.final_stage import final_stage
from sweepkit.results.sweep import Sweep
from sweepkit.trial.leaderboard import Leaderboard, differing, reasons
from sweepkit.trial.trial import Trial


def headline(sweep: Sweep) -> Section:
    """Summarize the sweep: its main figures, the best trial, why trials ended, the final stage."""
    blocks: list[Block] = [Tiles(_tiles(sweep))]
    if best := sweep.leaderboard.best:
        blocks.append(Text(f"Best trial: {best.number}, with {params_list(best.params)}. {_ending(best)}"))
    else:
        blocks.append(Text(f"No trial has reported {sweep.leaderboard.metric} yet.", "quiet"))
    counts = [(reason, f"{n:,}") for reason, n in reasons(sweep.trials)]
    if counts:
        blocks.append(Table(("reason for ending", "trials"), counts))
    blocks += [Details(f"trial {n}: traceback", text) for n, text in sorted(sweep.errors.items())]
    return section("headline", [*blocks, *final_stage(sweep)])


def leaderboard(sweep: Sweep) -> Section:
    """List all trials, the best first."""
    if not sweep.trials:
        return section("leaderboard", "No trial has started.")
    names = differing(sweep.trials)
    same = {name: param for name, param in sweep.trials[0].params.items() if name not in names}
    blocks: list[Block] = [_board(sweep.leaderboard, names)]
    if same:
        blocks.append(Text(f"The same in all trials: {params_list(same)}."))
    return section("leaderboard", blocks)


def curves(sweep: Sweep) -> Section:
    """Draw all learning curves."""
    board = sweep.leaderboard
    if not any(trial.curve(board.metric) for trial in board.trials):
        return section("curves", f"No trial has reported {board.metric}.")
    plot = Plot(learning_curves(board), f"{metric_words(board.metric)} of every trial by epoch")
    outside = _outside(board)
    note = f"{count(outside, 'trial')} with values far from all others: double-click the figure to show everything."
    return section("curves", [plot, Text(note)] if outside else [plot])


def _tiles(sweep: Sweep) -> list[tuple[str, str, str]]:
    tiles = [("trials", f"{len(sweep.trials):,} of {sweep.n_trials:,}", _counts(sweep))]
    if best := sweep.leaderboard.best:
        note = f"trial {best.number}, epoch {best.best_epoch} of {best.epoch}"
        tiles.insert(0, (f"best {metric_words(sweep.leaderboard.metric)}", number(best.best_value), note))
    times = [
        (trial.started, trial.started + (trial.seconds or 0.0)) for trial in sweep.trials if trial.started is not None
    ]
    if times:
        first, last = min(start for start, _ in times), max(end for _, end in times)
        tiles.append(("from start to end", duration(last - first), f"{moment(first)} to {moment(last)}"))
    epochs = sum(len(trial.reports) for trial in sweep.trials)
    tiles.append(("epochs trained", f"{epochs:,}", f"on {sweep.manifest.code.host or 'an unknown host'}"))
    return tiles


def _counts(sweep: Sweep) -> str:
    counts = [(mark.label, sum(trial.state is mark.state for trial in sweep.trials)) for mark in reversed(style.MARKS)]
    return ", ".join(f"{n:,} {label}" for label, n in counts if n)


def _ending(trial: Trial) -> str:
    if trial.state is None:
        return "It has not ended."
    return f"It ended at epoch {trial.epoch}: {trial.reason}."


def _board(board: Leaderboard, names: list[str]) -> Board:
    """Build the table: ranked trials first, then those without a result."""
    start = ["rank", "trial", f"best {metric_words(board.metric)}", "at epoch", "epochs", "state"]
    head = [*start, *names, "reason"]
    ranks = {trial.number: str(rank) for rank, trial in enumerate(board.leaders, start=1)}
    others = [trial for trial in board.trials if trial.number not in ranks]
    rows = [_row(trial, ranks.get(trial.number, ""), names) for trial in [*board.leaders, *others]]
    words = {5, len(head) - 1, *(6 + i for i, name in enumerate(names) if _holds_words(board.trials, name))}
    return Board(head, rows, trial=1, state=5, params=6, reason=len(head) - 1, left=frozenset(words))


def _row(trial: Trial, rank: str, names: list[str]) -> list[str]:
    epoch = str(trial.best_epoch) if trial.best_epoch else ""
    start = [rank, str(trial.number), number(trial.best_value), epoch, str(trial.epoch)]
    params = [value(trial.params[name]) if name in trial.params else "" for name in names]
    return [*start, style.MARK_OF[trial.state].label, *params, trial.reason or ""]


def _holds_words(trials: Sequence[Trial], name: str) -> bool:
    return any(isinstance(trial.params.get(name, 0), str | bool) for trial in trials)


def _outside(board: Leaderboard) -> int:
    """Count the trials with values outside the initial view of the learning curves."""
    curves = [[value for _, value in trial.curve(board.metric)] for trial in board.trials]
    ends = view([value for curve in curves for value in curve])
    return sum(any(not ends[0] <= value <= ends[1] for value in curve) for curve in curves) if ends else 0
