"""The sections on trials: summary, leaderboard, learning curves."""

from __future__ import annotations

from sweepkit.formatting import count, duration, metric_words, moment, number, params_list, value
from sweepkit.report import style
from sweepkit.report.data import ReportData
from sweepkit.report.html.blocks import Block, Board, Details, Plot, Section, Table, Text, Tiles
from sweepkit.report.html.charts.plotly import view
from sweepkit.report.html.charts.trials import learning_curves
from sweepkit.report.html.headings import section
from sweepkit.report.html.sections.final_stage import final_stage
from sweepkit.trial.leaderboard import differing, reasons
from sweepkit.trial.trial import Trial


def headline(data: ReportData) -> Section:
    """Summarize the sweep: its main figures, the best trial, why trials ended, the final stage."""
    blocks: list[Block] = [Tiles(_tiles(data))]
    if data.leaders:
        best = data.leaders[0]
        blocks.append(Text(f"Best trial: {best.number}, with {params_list(best.params)}. {_ending(best)}"))
    else:
        blocks.append(Text(f"No trial has reported {data.metric} yet.", "quiet"))
    counts = [(reason, f"{n:,}") for reason, n in reasons(data.trials)]
    if counts:
        blocks.append(Table(("reason for ending", "trials"), counts))
    blocks += [Details(f"trial {n}: traceback", text) for n, text in sorted(data.errors.items())]
    return section("headline", [*blocks, *final_stage(data)])


def leaderboard(data: ReportData) -> Section:
    """List all trials, the best first."""
    if not data.trials:
        return section("leaderboard", "No trial has started.")
    names = differing(data.trials)
    same = {name: param for name, param in data.trials[0].params.items() if name not in names}
    blocks: list[Block] = [_board(data, names)]
    if same:
        blocks.append(Text(f"The same in all trials: {params_list(same)}."))
    return section("leaderboard", blocks)


def curves(data: ReportData) -> Section:
    """Draw all learning curves."""
    if not any(data.objective(trial) for trial in data.trials):
        return section("curves", f"No trial has reported {data.metric}.")
    plot = Plot(learning_curves(data), f"{metric_words(data.metric)} of every trial by epoch")
    outside = _outside(data)
    note = f"{count(outside, 'trial')} with values far from all others: double-click the figure to show everything."
    return section("curves", [plot, Text(note)] if outside else [plot])


def _tiles(data: ReportData) -> list[tuple[str, str, str]]:
    tiles = [("trials", f"{len(data.trials):,} of {data.n_trials:,}", _counts(data))]
    for best in data.leaders[:1]:
        note = f"trial {best.number}, epoch {best.best_epoch} of {best.epoch}"
        tiles.insert(0, (f"best {metric_words(data.metric)}", number(best.best_value), note))
    times = [
        (trial.started, trial.started + (trial.seconds or 0.0)) for trial in data.trials if trial.started is not None
    ]
    if times:
        first, last = min(start for start, _ in times), max(end for _, end in times)
        tiles.append(("from start to end", duration(last - first), f"{moment(first)} to {moment(last)}"))
    epochs = sum(len(trial.reports) for trial in data.trials)
    tiles.append(("epochs trained", f"{epochs:,}", f"on {data.manifest.get('host', 'an unknown host')}"))
    return tiles


def _counts(data: ReportData) -> str:
    counts = [(mark.label, sum(trial.state is mark.state for trial in data.trials)) for mark in reversed(style.MARKS)]
    return ", ".join(f"{n:,} {label}" for label, n in counts if n)


def _ending(trial: Trial) -> str:
    if trial.state is None:
        return "It has not ended."
    return f"It ended at epoch {trial.epoch}: {trial.reason}."


def _board(data: ReportData, names: list[str]) -> Board:
    """Build the leaderboard: ranked trials first, then those without a result."""
    start = ["rank", "trial", f"best {metric_words(data.metric)}", "at epoch", "epochs", "state"]
    head = [*start, *names, "reason"]
    ranks = {trial.number: str(rank) for rank, trial in enumerate(data.leaders, start=1)}
    others = [trial for trial in data.trials if trial.number not in ranks]
    rows = [_row(trial, ranks.get(trial.number, ""), names) for trial in [*data.leaders, *others]]
    words = {5, len(head) - 1, *(6 + i for i, name in enumerate(names) if _holds_words(data, name))}
    return Board(head, rows, trial=1, state=5, params=6, reason=len(head) - 1, left=frozenset(words))


def _row(trial: Trial, rank: str, names: list[str]) -> list[str]:
    epoch = str(trial.best_epoch) if trial.best_epoch else ""
    start = [rank, str(trial.number), number(trial.best_value), epoch, str(trial.epoch)]
    params = [value(trial.params[name]) if name in trial.params else "" for name in names]
    return [*start, style.MARK_OF[trial.state].label, *params, trial.reason or ""]


def _holds_words(data: ReportData, name: str) -> bool:
    return any(isinstance(trial.params.get(name, 0), str | bool) for trial in data.trials)


def _outside(data: ReportData) -> int:
    """Count the trials with values outside the initial view of the learning curves."""
    curves = [[value for _, value in data.objective(trial)] for trial in data.trials]
    ends = view([value for curve in curves for value in curve])
    return sum(any(not ends[0] <= value <= ends[1] for value in curve) for curve in curves) if ends else 0
