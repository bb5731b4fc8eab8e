"""`sweepkit status`: the progress of a sweep, or how it ended, read from its journal."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from sweepkit.cli.console import leaderboard_table, print_json, stdout
from sweepkit.cli.options import SweepTarget, json_option, sweep_options
from sweepkit.formatting import duration, near, params_line, size

if TYPE_CHECKING:
    from rich.console import Console

    from sweepkit.results.sweep import Sweep

_ROWS = 10


@click.command()
@sweep_options
@json_option
def command(target: SweepTarget, as_json: bool) -> None:
    """Show the progress of a sweep: counts, the leaders, why trials ended, errors.

    SWEEP is a sweep's YAML or folder. The sweep may be running.
    """
    sweep = target.sweep()
    if as_json:
        print_json(_as_json(sweep))
    else:
        _show(sweep)


def _as_json(sweep: Sweep) -> dict[str, object]:
    return {
        "sweep": sweep.name,
        "folder": sweep.folder.shown(),
        "n_trials": sweep.n_trials,
        "counts": sweep.counts(),
        "unfinished": [
            {"trial": trial.number, "epoch": trial.epoch, "parameters": dict(trial.params)}
            for trial in sweep.unfinished()
        ],
        "spent": _usage_as_json(sweep),
        "disk_bytes": sweep.disk_bytes(),
        "running": owner.to_json() if (owner := sweep.running()) else None,
        "reasons": dict(sweep.leaderboard.reasons()),
        "errors": sweep.errors,
        "faults": {trial.number: [failure.to_json() for failure in trial.failures] for trial in sweep.with_failures()},
        "logs": {trial.number: sweep.log(trial) for trial in sweep.failed()},
        "leaderboard": sweep.leaderboard.rows(),
    }


def _usage_as_json(sweep: Sweep) -> dict[str, float | None]:
    usage = sweep.usage
    return {
        "hours": usage.seconds / 3600,
        "worker_hours": usage.worker_seconds / 3600,
        "epochs": usage.epochs,
        "money": usage.money(sweep.config.budget),
    }


def _show(sweep: Sweep) -> None:
    console = stdout()
    counts = ", ".join(f"{count} {name}" for name, count in sweep.counts().items())
    console.print(f"{sweep.name} in {near(sweep.folder.shown())}: {counts}, of {sweep.n_trials} trials", soft_wrap=True)
    if owner := sweep.running():
        console.print(f"running: {owner.describe(now=time.time())}", soft_wrap=True)
    console.print(f"spent: {_usage(sweep)}; {size(sweep.disk_bytes())} on disk", soft_wrap=True)
    console.print(leaderboard_table(sweep.trials, sweep.config, most=_ROWS))
    for trial in sweep.unfinished():
        console.print(
            f"unfinished: trial {trial.number}, epoch {trial.epoch}: {params_line(trial.params)}", soft_wrap=True
        )
    if reasons := sweep.leaderboard.reasons():
        console.print("why trials ended:")
    for reason, n_trials in reasons:
        console.print(f"  {n_trials:4} {reason}", soft_wrap=True)
    _show_failures(console, sweep)


def _usage(sweep: Sweep) -> str:
    """Format the usage up to the last report, with its limits: `3 h 05 min of 8 h, 120 epochs`."""
    usage, budget = sweep.usage, sweep.config.budget
    parts = [
        duration(usage.seconds) + (f" of {budget.hours:g} h" if budget.hours is not None else ""),
        f"{usage.worker_seconds / 3600:.3g} worker-hours",
        f"{usage.epochs}{f' of {budget.epochs}' if budget.epochs is not None else ''} epochs",
    ]
    money = usage.money(budget)
    return ", ".join(parts if money is None else [*parts, f"{money:.2f} of {budget.money:g} in money"])


def _show_failures(console: Console, sweep: Sweep) -> None:
    """Print why attempts failed, and the log and the traceback of each failed trial."""
    for trial in sweep.with_failures():
        for attempt, failure in enumerate(trial.failures, start=1):
            free = "" if failure.counts else " (does not count)"
            text = f"trial {trial.number} attempt {attempt}, after epoch {failure.epoch}: {failure.summary}{free}"
            console.print(text, markup=False, highlight=False, soft_wrap=True)
    for trial in sweep.failed():
        error = sweep.errors.get(trial.number, trial.reason or "").rstrip()
        text = f"trial {trial.number} failed; its log: {near(sweep.log(trial))}\n{error}"
        console.print(text, markup=False, highlight=False, soft_wrap=True)
