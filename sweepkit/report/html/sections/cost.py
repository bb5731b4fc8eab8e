"""The page's last sections: costs, workers, data, the winner's errors, and where the sweep comes from."""

from __future__ import annotations

from sweepkit.formatting import count, duration, metric_words
from sweepkit.report.data import ReportData
from sweepkit.report.html.blocks import Block, Dots, Grid, Plot, Section, Text
from sweepkit.report.html.charts.scatter import against_cost
from sweepkit.report.html.charts.workers import workers
from sweepkit.report.html.headings import section
from sweepkit.report.pareto import COSTS
from sweepkit.report.timeline import Timeline


def costs(findings: ReportData) -> Section:
    """Draw what accuracy costs."""
    if not findings.leaders:
        return section("costs", f"No trial has reported {findings.metric}.")
    figures: list[Dots] = []
    missing: list[Block] = []
    for cost in COSTS:
        figure = against_cost(findings, cost)
        if figure is None:
            missing.append(Text(cost.missing, "quiet"))
        else:
            figures.append(Dots(figure, f"{metric_words(findings.metric)} against {cost.label}"))
    return section("costs", [*([Grid(figures)] if figures else []), *missing])


def worked(found: Timeline | None) -> Section:
    """Draw who worked when."""
    if found is None:
        return section("workers", "No trial has run.")
    said = f"{count(found.n_lanes, 'worker')}, idle for {found.idle:.1%} of their time."
    if found.pauses:
        lasted = duration(sum(pause.seconds for pause in found.pauses))
        said += f" In {count(len(found.pauses), 'pause')}, {lasted} together, nothing ran; that does not count as idle."
    return section("workers", [Plot(workers(found), "trials by worker and time"), Text(said)])
