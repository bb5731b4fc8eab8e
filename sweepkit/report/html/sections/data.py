"""The sections on the data and on what the winner gets wrong, drawn from what the sweep's task says of them."""

from __future__ import annotations

from collections.abc import Iterator

from sweepkit.report.data import ReportData
from sweepkit.report.html.blocks import Block, Plot, Quotes, Section, Table, Text
from sweepkit.report.html.charts.data import confusion, shares, sizes
from sweepkit.report.html.headings import section
from sweepkit.tasks.description import Shares, SizeHistogram

_MOST_MARKS = 6


def data(findings: ReportData) -> Section:
    """Show the data that trials read."""
    if findings.data is None:
        return section("data", findings.no_data)
    blocks: list[Block] = []
    for part in findings.data.parts:
        if isinstance(part, SizeHistogram):
            blocks += _sizes(part, findings)
        elif isinstance(part, Shares):
            blocks.append(Plot(shares(part), part.alt))
        else:
            blocks.append(Table(part.head, part.rows))
    return section("data", blocks, findings.data.how)


def errors(findings: ReportData) -> Section:
    """Show what the winner gets wrong."""
    judged = findings.judged
    if judged is None:
        return section("errors", findings.no_judged)
    widest = 240 + 140 * len(judged.confusion.classes)
    shown = Plot(confusion(judged.confusion), "how often each class was taken for each", widest)
    blocks: list[Block] = [shown, Quotes(list(judged.quotes))] if judged.quotes else [shown]
    return section("errors", blocks, judged.how)


def _sizes(histogram: SizeHistogram, findings: ReportData) -> Iterator[Block]:
    marks = _marks(histogram.limit, findings) if histogram.limit else []
    yield Plot(sizes(histogram, marks), f"how large the {histogram.rows} are: {histogram.size}")
    if marks:
        within = ", ".join(f"{histogram.share_within(mark):.0%} at {mark}" for mark in marks)
        yield Text(f"{histogram.rows.capitalize()} that fit whole ({histogram.limit}): {within} {histogram.unit}.")


def _marks(limit: str, findings: ReportData) -> list[int]:
    """Return values of the parameter that limits sizes, at most a few: the best trial's and some between the ends."""
    tried = sorted({int(trial.params[limit]) for trial in findings.trials if limit in trial.params})
    if len(tried) <= _MOST_MARKS:
        return tried
    best = [int(trial.params[limit]) for trial in findings.leaders[:1] if limit in trial.params]
    return sorted({tried[0], tried[len(tried) // 2], tried[-1], *best})
