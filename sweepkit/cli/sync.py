"""`sweepkit sync`: tell MLflow what it was not told while it was away."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from sweepkit.cli.console import print_json, stdout
from sweepkit.cli.options import json_option, sweep_options

if TYPE_CHECKING:
    from sweepkit.driver.sync import Synced


@click.command()
@sweep_options
@click.option("--tracking-uri", metavar="URI", help="Tell this MLflow store instead of the sweep's own.")
@json_option
def command(target: Path, sets: tuple[str, ...], data: str | None, tracking_uri: str | None, as_json: bool) -> None:
    """Tell MLflow all that it lacks of a sweep: runs, metrics, endings, the leaderboard, the winner.

    SWEEP is its YAML or its folder. For a sweep that ended while the store was away, or with --tracking-uri for a
    store that never saw it. Doing it twice changes nothing. A sweep that is running tells its store by itself.
    """
    from sweepkit.cli.quiet import quiet_start
    from sweepkit.driver.sync import sync  # not at the top: it imports Optuna and mlflow

    with quiet_start():
        uri, found = sync(target, sets=sets, data=data, tracking_uri=tracking_uri)
    if as_json:
        print_json({"tracking_uri": uri, "sweeps": [_facts(synced) for synced in found]})
        return
    console = stdout()
    for synced in found:
        console.print(f"{synced.sweep}, {synced.n_trials} trials: {_said(synced)}", soft_wrap=True)
    console.print(f"tracking store {uri} knows all of it", soft_wrap=True)


def _facts(synced: Synced) -> dict[str, object]:
    from dataclasses import asdict

    registered = {"registered": synced.registered}
    return {"sweep": synced.sweep, "n_trials": synced.n_trials, "told": asdict(synced.counts), **registered}


def _said(synced: Synced) -> str:
    counts = synced.counts
    numbers = {"run": counts.runs, "epoch": counts.reports, "ending": counts.endings, "checkpoint": counts.checkpoints}
    parts = [f"{n} {name}{'s' if n > 1 else ''}" for name, n in numbers.items() if n]
    parts += [f"model {synced.registered}"] if synced.registered else []
    uploaded = f"uploaded {', '.join(parts)}" if parts else "nothing was missing"
    skipped = [f"skipped trial {number}: its run was deleted in MLflow" for number in counts.deleted]
    return "; ".join([uploaded, *skipped])
