"""The sections on what trials cost and on how busy the workers were."""

from __future__ import annotations

from sweepkit.formatting import count, duration, metric_words
from sweepkit.report.html.blocks import Block, Dots, Grid, Plot, Section, Text
from sweepkit.report.html.charts.scatter import against_cost
from sweepkit.report.html.charts.workers import workers
from sweepkit.report.html.headings import section
from sweepkit.report.pareto import COSTS
from sweepkit.report.timeline import Timeline
from sweepkit.results.sweep import Sweep


def costs(sweep: Sweep) -> Section:
    """Draw the objective against each cost that the reports have."""
    board = sweep.leaderboard
    if not board.leaders:
        return section("costs", f"No trial has reported {board.metric}.")
    figures: list[Dots] = []
    missing: list[Block] = []
    for cost in COSTS:
        figure = against_cost(board, cost)
        if figure is None:
            missing.append(Text(cost.missing, "quiet"))
        else:
            figures.append(Dots(figure, f"{metric_words(board.metric)} against {cost.label}"))
    return section("costs", [*([Grid(figures)] if figures else []), *missing])


def workers_over_time(timeline: Timeline | None) -> Section:
    """Draw the trials of each worker over time."""
    if timeline is None:
        return section("workers", "No trial has run.")
    text = f"{count(timeline.n_lanes, 'worker')}, idle for {timeline.idle:.1%} of the time."
    if timeline.pauses:
        total = duration(sum(pause.seconds for pause in timeline.pauses))
        text += f" Nothing ran in {count(len(timeline.pauses), 'pause')} ({total} in total), which is not idle time."
    return section("workers", [Plot(workers(timeline), "trials by worker and time"), Text(text)])
