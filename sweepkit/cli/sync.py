"""`sweepkit sync`: upload to MLflow what could not be logged while it was unreachable."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from sweepkit.cli.console import print_json, stdout
from sweepkit.cli.options import SweepTarget, json_option, sweep_options
from sweepkit.formatting import count

if TYPE_CHECKING:
    from sweepkit.driver.sync import Synced


@click.command()
@sweep_options
@click.option("--tracking-uri", metavar="URI", help="Upload to this MLflow store instead of the sweep's own.")
@json_option
def command(target: SweepTarget, tracking_uri: str | None, as_json: bool) -> None:
    """Upload everything that MLflow lacks of a sweep: runs, metrics, states, the leaderboard, the winner.

    SWEEP is a sweep's YAML or folder. Use it after a sweep that ended while the store was unreachable, or with
    --tracking-uri to copy the sweep to another store. A second call uploads nothing. A running sweep uploads by
    itself.
    """
    from sweepkit.cli.quiet import quiet_start
    from sweepkit.driver.sync import sync  # not at the top: it imports Optuna and mlflow

    with quiet_start():
        uri, sweeps = sync(target.path, sets=target.sets, data=target.data, tracking_uri=tracking_uri)
    if as_json:
        print_json({"tracking_uri": uri, "sweeps": [_as_json(synced) for synced in sweeps]})
        return
    console = stdout()
    for synced in sweeps:
        console.print(f"{synced.sweep}, {count(synced.n_trials, 'trial')}: {_summary(synced)}", soft_wrap=True)
    console.print(f"tracking store {uri} is up to date", soft_wrap=True)


def _as_json(synced: Synced) -> dict[str, object]:
    from dataclasses import asdict

    registered = {"registered": synced.registered}
    return {"sweep": synced.sweep, "n_trials": synced.n_trials, "told": asdict(synced.counts), **registered}


def _summary(synced: Synced) -> str:
    counts = synced.counts
    numbers = {"run": counts.runs, "epoch": counts.reports, "ending": counts.endings, "checkpoint": counts.checkpoints}
    parts = [count(number, noun) for noun, number in numbers.items() if number]
    parts += [f"model {synced.registered}"] if synced.registered else []
    uploaded = f"uploaded {', '.join(parts)}" if parts else "nothing was missing"
    skipped = [f"skipped trial {number}: its run was deleted in MLflow" for number in counts.deleted]
    return "; ".join([uploaded, *skipped])
