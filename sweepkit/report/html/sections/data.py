"""The sections on the data and on what the winner gets wrong."""

from __future__ import annotations

from collections.abc import Sequence

from sweepkit.data.manifest import Manifest
from sweepkit.report.data import ReportData, WinnerErrors
from sweepkit.report.html.blocks import Block, Plot, Quotes, Section, Table, Text
from sweepkit.report.html.charts.data import confusion, labels, lengths, share_within
from sweepkit.report.html.headings import section

_LENGTH = "max_len"  # the name that sweep packages give to the most tokens that are read of a text


_MOST_MARKS = 6


def data(findings: ReportData) -> Section:
    """Show the data that trials read."""
    if findings.data is None:
        return section("data", findings.no_data)
    found, train = findings.data, findings.data.splits["train"]
    marks = _marks(findings)
    blocks: list[Block] = [Plot(lengths(train, marks), "how long the texts are")]
    if marks:
        shares = ", ".join(f"{share_within(train, mark):.0%} at {mark}" for mark in marks)
        blocks.append(Text(f"Texts that fit whole ({_LENGTH}): {shares} tokens."))
    blocks.append(_quantiles(found))
    blocks.append(Plot(labels(found), "share of each label in each split"))
    blocks.append(_coverage(found))
    return section("data", blocks)


def errors(findings: ReportData) -> Section:
    """Show what the winner gets wrong."""
    judged = findings.judged
    if judged is None:
        return section("errors", findings.no_judged)
    names = _label_names(findings, judged)
    widest = 240 + 140 * len(names)
    shown = Plot(confusion(judged.confusion, names), "how often each label was taken for each", widest)
    lines = [f"{one.target}, taken for {one.predicted} ({one.probability:.1%} sure)" for one in judged.mistakes]
    quotes = Quotes(list(zip(lines, (one.text for one in judged.mistakes), strict=True)))
    return section("errors", [shown, quotes] if lines else [shown])


def _marks(findings: ReportData) -> list[int]:
    """Return the lengths that trials read, at most a few: the best trial's and some between the ends."""
    found = sorted({int(trial.params[_LENGTH]) for trial in findings.trials if _LENGTH in trial.params})
    if len(found) <= _MOST_MARKS:
        return found
    best = [int(trial.params[_LENGTH]) for trial in findings.leaders[:1] if _LENGTH in trial.params]
    return sorted({found[0], found[len(found) // 2], found[-1], *best})


def _quantiles(found: Manifest) -> Table:
    names = {"mean": "mean", "median": "median", "p90": "90 %", "p95": "95 %", "p99": "99 %", "max": "longest"}
    rows = [
        (
            {"valid": "validation"}.get(split, split),
            f"{facts.rows:,}",
            *(f"{facts.lengths.get(name, 0):,.0f}" for name in names),
        )
        for split, facts in found.splits.items()
        if facts.rows
    ]
    return Table(("tokens of a text in", "texts", *names.values()), rows)


def _coverage(found: Manifest) -> Table:
    words = found.vocabulary
    rows = [("vocabulary", f"{words.size:,}", f"{words.token_share:.2%}")]
    rows += [(f"vectors of {v.dim}", f"{v.words_found:,}", f"{v.token_share:.2%}") for v in found.vectors]
    return Table(("known", "words", "share of the tokens of train"), rows)


def _label_names(findings: ReportData, judged: WinnerErrors) -> Sequence[str]:
    if findings.data is not None and len(findings.data.label_names) == len(judged.confusion):
        return findings.data.label_names
    return [f"label {place}" for place in range(len(judged.confusion))]
