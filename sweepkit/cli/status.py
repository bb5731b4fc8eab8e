"""`sweepkit status`: how far a sweep is, or how it ended, read from its journal."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sweepkit.cli.console import leaderboard_table, print_json, stdout
from sweepkit.cli.formats import duration, near, parameters, size
from sweepkit.cli.options import json_option, sweep_options

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

    snapshot = load_sweep(target, sets, data)
    if as_json:
        print_json(_facts(snapshot))
    else:
        _show(snapshot)


def _facts(snapshot: Sweep) -> dict[str, object]:
    from sweepkit.trial.leaderboard import reasons

    return {
        "sweep": snapshot.name,
        "folder": snapshot.folder,
        "n_trials": snapshot.n_trials,
        "counts": snapshot.counts(),
        "unfinished": [
            {"trial": trial.number, "epoch": trial.epoch, "parameters": dict(trial.params)}
            for trial in snapshot.unfinished()
        ],
        "spent": _spent_facts(snapshot),
        "disk_bytes": snapshot.disk_bytes(),
        "running": asdict(running) if (running := snapshot.running()) else None,
        "reasons": dict(reasons(snapshot.trials)),
        "errors": snapshot.errors,
        "faults": {trial.number: [fault.to_json() for fault in trial.failures] for trial in snapshot.faulty()},
        "logs": {trial.number: snapshot.log(trial) for trial in snapshot.failed()},
        "leaderboard": snapshot.table(),
    }


def _show(snapshot: Sweep) -> None:
    from sweepkit.trial.leaderboard import reasons

    console = stdout()
    counts = ", ".join(f"{count} {name}" for name, count in snapshot.counts().items())
    console.print(f"{snapshot.name} in {snapshot.folder}: {counts}, of {snapshot.n_trials} trials", soft_wrap=True)
    if running := snapshot.running():
        console.print(f"running: {running.describe(now=time.time())}", soft_wrap=True)
    console.print(f"spent: {_spent(snapshot)}; {size(snapshot.disk_bytes())} on disk", soft_wrap=True)
    console.print(leaderboard_table(snapshot.trials, snapshot.config, most=_ROWS))
    for trial in snapshot.unfinished():
        console.print(
            f"unfinished: trial {trial.number}, epoch {trial.epoch}: {parameters(trial.params)}", soft_wrap=True
        )
    for reason, count in reasons(snapshot.trials):
        console.print(f"  {count:4} {reason}", soft_wrap=True)
    _show_faults(console, snapshot)


def _show_faults(console: Console, snapshot: Sweep) -> None:
    """Say what attempts ended in, and of each failed trial the traceback and the log."""
    for trial in snapshot.faulty():
        for attempt, fault in enumerate(trial.failures, start=1):
            free = "" if fault.counts else " (does not count)"
            text = f"trial {trial.number} attempt {attempt}, after epoch {fault.epoch}: {fault.summary}{free}"
            console.print(text, markup=False, highlight=False, soft_wrap=True)
    for trial in snapshot.failed():
        error = snapshot.errors.get(trial.number, trial.reason or "").rstrip()
        text = f"trial {trial.number} failed; its log: {near(snapshot.log(trial))}\n{error}"
        console.print(text, markup=False, highlight=False, soft_wrap=True)


def _spent(snapshot: Sweep) -> str:
    """Say what the sweep has spent by its last report, and of how much: `3 h 05 min of 8 h, 120 epochs`."""
    usage, budget = snapshot.usage, snapshot.config.budget
    parts = [
        duration(usage.seconds) + (f" of {budget.hours:g} h" if budget.hours is not None else ""),
        f"{usage.worker_seconds / 3600:.3g} worker-hours",
        f"{usage.epochs}{f' of {budget.epochs}' if budget.epochs is not None else ''} epochs",
    ]
    money = usage.money(budget)
    return ", ".join(parts if money is None else [*parts, f"{money:.2f} of {budget.money:g} in money"])


def _spent_facts(snapshot: Sweep) -> dict[str, float | None]:
    usage = snapshot.usage
    return {
        "hours": usage.seconds / 3600,
        "worker_hours": usage.worker_seconds / 3600,
        "epochs": usage.epochs,
        "money": usage.money(snapshot.config.budget),
    }
