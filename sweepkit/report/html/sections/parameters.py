"""The page's sections on parameters: parallel coordinates, importance, slices, options at equal cost."""

from __future__ import annotations

from sweepkit.formatting import NOT_USED, count, metric_words, number, value
from sweepkit.report.data import ReportData
from sweepkit.report.equal_cost import EqualCost, common_cost, spending
from sweepkit.report.html.blocks import Block, Dots, Grid, Parallel, Plot, Section, Selection, Table, Text
from sweepkit.report.html.charts.parallel import parallel
from sweepkit.report.html.charts.parameters import at_equal_cost, importances
from sweepkit.report.html.charts.scatter import against_parameter
from sweepkit.report.html.headings import section
from sweepkit.report.importance import Importances


def parallel_coordinates(findings: ReportData) -> Section:
    """Draw the trials through all varied parameters."""
    nothing = _nothing(findings)
    if nothing:
        return section("parallel", nothing)
    shown = Parallel(parallel(findings), "the trials as lines through their parameters")
    left_out = len(findings.trials) - len(findings.leaders)
    note = f"{count(left_out, 'trial')} without a result {'is' if left_out == 1 else 'are'} left out."
    return section("parallel", [shown, Text(note)] if left_out else [shown])


def importance_of_parameters(found: Importances) -> Section:
    """Draw which parameters matter."""
    blocks: list[Block] = []
    if found.found:
        blocks.append(Plot(importances(found), "share of the variation that each parameter explains"))
        some = [f"{one.name} ({one.trials:,} trials)" for one in found.found if one.is_conditional]
        if some:
            blocks.append(Text(f"Used by some trials only: {', '.join(some)}."))
    blocks += [Text(note, "quiet") for note in found.notes]
    if not blocks:
        blocks.append(Text("No parameter varies.", "quiet"))
    return section("importance", blocks)


def slices(findings: ReportData) -> Section:
    """Draw the objective against each varied parameter."""
    nothing = _nothing(findings)
    if nothing:
        return section("slices", nothing)
    used = [name for name in findings.varied if any(name in trial.params for trial in findings.leaders)]
    figures = [
        Dots(against_parameter(findings, name), f"{metric_words(findings.metric)} against {name}") for name in used
    ]
    return section("slices", [Grid(figures)])


def choices(findings: ReportData) -> Section:
    """Compare the values of each choice at equal cost."""
    names = findings.varied_choices
    if not names or not findings.leaders:
        return section("choices", "No choice between named values varies.")
    groups = [(name, _compared(findings, spending(findings, name))) for name in names]
    return section("choices", [Selection("parameter", groups)])


def _nothing(findings: ReportData) -> str:
    if not findings.leaders:
        return f"No trial has reported {findings.metric}."
    return "" if findings.varied else "No parameter varies."


def _compared(findings: ReportData, found: list[EqualCost]) -> list[Block]:
    cost = common_cost(found)
    at_cost = f"best after {count(cost, 'epoch')}"
    rows = [
        (
            NOT_USED if spent.value is None else value(spent.value),
            f"{spent.trials:,}",
            f"{spent.epochs:,}",
            number(spent.best),
            number(spent.at(cost)),
        )
        for spent in found
    ]
    table = Table(("value", "trials", "epochs spent", "best", at_cost), rows)
    return [Plot(at_equal_cost(findings, found), "best objective so far by epochs spent, for each value"), table]
