"""The page's first sections: headline, leaderboard, learning curves."""

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


def headline(findings: ReportData) -> Section:
    """Say what the sweep is, how it ended, who leads, and what the final stage found."""
    leaders = findings.leaders
    blocks: list[Block] = [Tiles(_tiles(findings))]
    if leaders:
        best = leaders[0]
        blocks.append(Text(f"Best is trial {best.number}: {params_list(best.params)}. {_ended(best)}"))
    else:
        blocks.append(Text(f"No trial has reported {findings.metric} yet.", "quiet"))
    why = [(text, f"{n:,}") for text, n in reasons(findings.trials)]
    if why:
        blocks.append(Table(("why trials ended", "trials"), why))
    blocks += [Details(f"trial {n}: its traceback", text) for n, text in sorted(findings.errors.items())]
    return section("headline", [*blocks, *final_stage(findings)])


def leaderboard(findings: ReportData) -> Section:
    """List the trials, the best first."""
    if not findings.trials:
        return section("leaderboard", "No trial has started.")
    names = differing(findings.trials)
    same = {name: one for name, one in findings.trials[0].params.items() if name not in names}
    blocks: list[Block] = [_board(findings, names)]
    if same:
        blocks.append(Text(f"The same in all trials: {params_list(same)}."))
    return section("leaderboard", blocks)


def curves(findings: ReportData) -> Section:
    """Draw all learning curves."""
    if not any(findings.objective(trial) for trial in findings.trials):
        return section("curves", f"No trial has reported {findings.metric}.")
    alt = f"{metric_words(findings.metric)} of every trial by epoch"
    outside = _outside(findings)
    note = f"{count(outside, 'trial')} with values far from all others: a double click into the figure shows all."
    shown = Plot(learning_curves(findings), alt)
    return section("curves", [shown, Text(note)] if outside else [shown])


def _outside(findings: ReportData) -> int:
    """Count the trials of which some values are outside the first view of the learning curves."""
    curves = [[value for _, value in findings.objective(trial)] for trial in findings.trials]
    ends = view([value for curve in curves for value in curve])
    return sum(any(not ends[0] <= value <= ends[1] for value in curve) for curve in curves) if ends else 0


def _tiles(findings: ReportData) -> list[tuple[str, str, str]]:
    counts = [(look.label, sum(trial.state is look.state for trial in findings.trials)) for look in style.LOOKS]
    ended = ", ".join(f"{n:,} {label}" for label, n in reversed(counts) if n)
    times = [(r.started, r.started + (r.seconds or 0.0)) for r in findings.trials if r.started is not None]
    tiles = [("trials", f"{len(findings.trials):,} of {findings.n_trials:,}", ended)]
    for best in findings.leaders[:1]:
        note = f"trial {best.number}, epoch {best.best_epoch} of {best.epoch}"
        tiles.insert(0, (f"best {metric_words(findings.metric)}", number(best.best_value), note))
    if times:
        first, last = min(start for start, _ in times), max(end for _, end in times)
        tiles.append(("from start to end", duration(last - first), f"{moment(first)} to {moment(last)}"))
    spent = sum(len(trial.reports) for trial in findings.trials)
    tiles.append(("epochs trained", f"{spent:,}", f"on {findings.manifest.get('host', 'an unknown host')}"))
    return tiles


def _ended(trial: Trial) -> str:
    if trial.state is None:
        return "It has not ended."
    return f"It ended at epoch {trial.epoch}: {trial.reason}."


def _board(findings: ReportData, names: list[str]) -> Board:
    """Put all trials into a table: the ranked ones, then those without a result."""
    head = [
        "rank",
        "trial",
        f"best {metric_words(findings.metric)}",
        "at epoch",
        "epochs",
        "ended",
        *names,
        "why it ended",
    ]
    leaders = findings.leaders
    ranked = {trial.number for trial in leaders}
    others = [trial for trial in findings.trials if trial.number not in ranked]
    ranks = [*(str(place) for place in range(1, len(leaders) + 1)), *("" for _ in others)]
    rows = []
    for rank, trial in zip(ranks, [*leaders, *others], strict=True):
        epoch = str(trial.best_epoch) if trial.best_epoch else ""
        start = [rank, str(trial.number), number(trial.best_value), epoch, str(trial.epoch)]
        values = [value(trial.params[name]) if name in trial.params else "" for name in names]
        rows.append([*start, style.LOOK[trial.state].label, *values, trial.reason or ""])
    words = {5, len(head) - 1, *(6 + i for i, name in enumerate(names) if _holds_words(findings, name))}
    return Board(head, rows, trial=1, state=5, params=6, reason=len(head) - 1, left=frozenset(words))


def _holds_words(findings: ReportData, name: str) -> bool:
    return any(isinstance(trial.params.get(name, 0), str | bool) for trial in findings.trials)
