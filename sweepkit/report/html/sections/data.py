"""The sections on the data and on the winner's errors, drawn from the descriptions of the sweep's task."""

from __future__ import annotations

from collections.abc import Iterator

from sweepkit.report.data import ReportData
from sweepkit.report.html.blocks import Block, Plot, Quotes, Section, Table, Text
from sweepkit.report.html.charts.data import confusion, shares, sizes
from sweepkit.report.html.headings import section
from sweepkit.results.sweep import Sweep
from sweepkit.tasks.description import Shares, SizeHistogram

_MOST_MARKS = 6


def prepared_data(data: ReportData) -> Section:
    """Show the prepared data that the trials read."""
    if data.data is None:
        return section("data", data.no_data)
    blocks: list[Block] = []
    for part in data.data.parts:
        if isinstance(part, SizeHistogram):
            blocks += _sizes(part, data.sweep)
        elif isinstance(part, Shares):
            blocks.append(Plot(shares(part), part.alt))
        else:
            blocks.append(Table(part.head, part.rows))
    return section("data", blocks, data.data.how)


def errors(data: ReportData) -> Section:
    """Show the winner's confusion matrix and its worst mistakes."""
    description = data.winner_errors
    if description is None:
        return section("errors", data.no_winner_errors)
    widest = 240 + 140 * len(description.confusion.classes)
    plot = Plot(confusion(description.confusion), "confusion matrix of the winner on validation", widest)
    blocks: list[Block] = [plot, Quotes(list(description.quotes))] if description.quotes else [plot]
    return section("errors", blocks, description.how)


def _sizes(histogram: SizeHistogram, sweep: Sweep) -> Iterator[Block]:
    marks = _marks(histogram.limit, sweep) if histogram.limit else []
    yield Plot(sizes(histogram, marks), f"how large the {histogram.rows} are: {histogram.size}")
    if marks:
        within = ", ".join(f"{histogram.share_within(mark):.0%} at {mark}" for mark in marks)
        yield Text(f"{histogram.rows.capitalize()} that fit whole ({histogram.limit}): {within} {histogram.unit}.")


def _marks(limit: str, sweep: Sweep) -> list[int]:
    """Return a few values of the parameter that limits sizes: the ends, the middle and the best trial's."""
    tried = sorted({int(trial.params[limit]) for trial in sweep.trials if limit in trial.params})
    if len(tried) <= _MOST_MARKS:
        return tried
    best = [int(trial.params[limit]) for trial in sweep.leaderboard.leaders[:1] if limit in trial.params]
    return sorted({tried[0], tried[len(tried) // 2], tried[-1], *best})
