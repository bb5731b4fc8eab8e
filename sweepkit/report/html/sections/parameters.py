"""The sections on parameters: parallel coordinates, importance, slices, choices at equal cost."""

from __future__ import annotations

from sweepkit.formatting import NOT_USED, count, metric_words, number, value
from sweepkit.report.equal_cost import EqualCost, common_cost, cost_by_value
from sweepkit.report.html.blocks import Block, Dots, Grid, Parallel, Plot, Section, Selection, Table, Text
from sweepkit.report.html.charts.parallel import parallel
from sweepkit.report.html.charts.parameters import at_equal_cost, importances
from sweepkit.report.html.charts.scatter import against_parameter
from sweepkit.report.html.headings import section
from sweepkit.report.importance import Importances
from sweepkit.report.parameters import varied_choices, varied_names
from sweepkit.results.sweep import Sweep


def parallel_coordinates(sweep: Sweep) -> Section:
    """Draw the trials through all varied parameters."""
    missing = _missing(sweep)
    if missing:
        return section("parallel", missing)
    chart = Parallel(parallel(sweep), "trials as lines through their parameters")
    left_out = len(sweep.trials) - len(sweep.leaderboard.leaders)
    note = f"{count(left_out, 'trial')} without a result {'is' if left_out == 1 else 'are'} left out."
    return section("parallel", [chart, Text(note)] if left_out else [chart])


def importance_of_parameters(importance: Importances) -> Section:
    """Draw the importance of every parameter that enough trials use."""
    blocks: list[Block] = []
    if importance.parameters:
        blocks.append(Plot(importances(importance), "share of the variation that each parameter explains"))
        conditional = [f"{one.name} ({one.trials:,} trials)" for one in importance.parameters if one.is_conditional]
        if conditional:
            blocks.append(Text(f"Used by some trials only: {', '.join(conditional)}."))
    blocks += [Text(note, "quiet") for note in importance.notes]
    if not blocks:
        blocks.append(Text("No parameter varies.", "quiet"))
    return section("importance", blocks)


def slices(sweep: Sweep) -> Section:
    """Draw the objective against each varied parameter."""
    missing = _missing(sweep)
    if missing:
        return section("slices", missing)
    used = [name for name in varied_names(sweep) if any(name in trial.params for trial in sweep.leaderboard.leaders)]
    objective = metric_words(sweep.leaderboard.metric)
    charts = [Dots(against_parameter(sweep, name), f"{objective} against {name}") for name in used]
    return section("slices", [Grid(charts)])


def choices(sweep: Sweep) -> Section:
    """Compare the values of each choice at equal cost."""
    names = varied_choices(sweep)
    if not names or not sweep.leaderboard.leaders:
        return section("choices", "No choice between named values varies.")
    groups = [(name, _compared(sweep.leaderboard.metric, cost_by_value(sweep, name))) for name in names]
    return section("choices", [Selection("parameter", groups)])


def _missing(sweep: Sweep) -> str:
    """Return why there is nothing to draw, or an empty text."""
    if not sweep.leaderboard.leaders:
        return f"No trial has reported {sweep.leaderboard.metric}."
    return "" if varied_names(sweep) else "No parameter varies."


def _compared(metric: str, costs: list[EqualCost]) -> list[Block]:
    epochs = common_cost(costs)
    rows = [
        (
            NOT_USED if cost.value is None else value(cost.value),
            f"{cost.trials:,}",
            f"{cost.epochs:,}",
            number(cost.best),
            number(cost.at(epochs)),
        )
        for cost in costs
    ]
    head = ("value", "trials", "epochs spent", "best", f"best after {count(epochs, 'epoch')}")
    return [
        Plot(at_equal_cost(metric, costs), "best objective so far by epochs spent, for each value"),
        Table(head, rows),
    ]
