"""`sweepkit status`: how far a sweep is, or how it ended, read from its journal."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sweepkit.cli.console import leaderboard_table, print_json, stdout
from sweepkit.cli.options import json_option, sweep_options
from sweepkit.formatting import duration, near, params_line, size

if TYPE_CHECKING:
    from rich.console import Console

    from sweepkit.results.sweep import Sweep

_ROWS = 10


@click.command()
@sweep_options
@json_option
def command(target: Path, sets: tuple[str, ...], data: str | None, as_json: bool) -> None:
    """Show how far a sweep is: counts, the leaders, why trials ended, errors.

    SWEEP is its YAML or its folder. The sweep may be running.
    """
    from sweepkit.results.sweep import load_sweep  # not at the top: it imports Optuna

    sweep = load_sweep(target, sets, data)
    if as_json:
        print_json(_facts(sweep))
    else:
        _show(sweep)


def _facts(sweep: Sweep) -> dict[str, object]:
    from sweepkit.trial.leaderboard import reasons

    return {
        "sweep": sweep.name,
        "folder": sweep.folder.shown(),
        "n_trials": sweep.n_trials,
        "counts": sweep.counts(),
        "unfinished": [
            {"trial": trial.number, "epoch": trial.epoch, "parameters": dict(trial.params)}
            for trial in sweep.unfinished()
        ],
        "spent": _spent_facts(sweep),
        "disk_bytes": sweep.disk_bytes(),
        "running": owner.to_json() if (owner := sweep.running()) else None,
        "reasons": dict(reasons(sweep.trials)),
        "errors": sweep.errors,
        "faults": {trial.number: [fault.to_json() for fault in trial.failures] for trial in sweep.with_failures()},
        "logs": {trial.number: sweep.log(trial) for trial in sweep.failed()},
        "leaderboard": sweep.leaderboard.rows(),
    }


def _show(sweep: Sweep) -> None:
    from sweepkit.trial.leaderboard import reasons

    console = stdout()
    counts = ", ".join(f"{count} {name}" for name, count in sweep.counts().items())
    console.print(f"{sweep.name} in {sweep.folder.shown()}: {counts}, of {sweep.n_trials} trials", soft_wrap=True)
    if running := sweep.running():
        console.print(f"running: {running.describe(now=time.time())}", soft_wrap=True)
    console.print(f"spent: {_spent(sweep)}; {size(sweep.disk_bytes())} on disk", soft_wrap=True)
    console.print(leaderboard_table(sweep.trials, sweep.config, most=_ROWS))
    for trial in sweep.unfinished():
        console.print(
            f"unfinished: trial {trial.number}, epoch {trial.epoch}: {params_line(trial.params)}", soft_wrap=True
        )
    for reason, count in reasons(sweep.trials):
        console.print(f"  {count:4} {reason}", soft_wrap=True)
    _show_faults(console, sweep)


def _show_faults(console: Console, sweep: Sweep) -> None:
    """Say what attempts ended in, and of each failed trial the traceback and the log."""
    for trial in sweep.with_failures():
        for attempt, fault in enumerate(trial.failures, start=1):
            free = "" if fault.counts else " (does not count)"
            text = f"trial {trial.number} attempt {attempt}, after epoch {fault.epoch}: {fault.summary}{free}"
            console.print(text, markup=False, highlight=False, soft_wrap=True)
    for trial in sweep.failed():
        error = sweep.errors.get(trial.number, trial.reason or "").rstrip()
        text = f"trial {trial.number} failed; its log: {near(sweep.log(trial))}\n{error}"
        console.print(text, markup=False, highlight=False, soft_wrap=True)


def _spent(sweep: Sweep) -> str:
    """Say what the sweep has spent by its last report, and of how much: `3 h 05 min of 8 h, 120 epochs`."""
    usage, budget = sweep.usage, sweep.config.budget
    parts = [
        duration(usage.seconds) + (f" of {budget.hours:g} h" if budget.hours is not None else ""),
        f"{usage.worker_seconds / 3600:.3g} worker-hours",
        f"{usage.epochs}{f' of {budget.epochs}' if budget.epochs is not None else ''} epochs",
    ]
    money = usage.money(budget)
    return ", ".join(parts if money is None else [*parts, f"{money:.2f} of {budget.money:g} in money"])


def _spent_facts(sweep: Sweep) -> dict[str, float | None]:
    usage = sweep.usage
    return {
        "hours": usage.seconds / 3600,
        "worker_hours": usage.worker_seconds / 3600,
        "epochs": usage.epochs,
        "money": usage.money(sweep.config.budget),
    }
