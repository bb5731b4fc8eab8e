"""`sweepkit prepare`: convert the data of a sweep to shared records, ahead of the sweep."""

from __future__ import annotations

import click

from sweepkit.cli.console import print_json, stderr, stdout
from sweepkit.cli.options import SweepTarget, json_option, runner_options, sweep_options
from sweepkit.cli.quiet import start_keras
from sweepkit.formatting import near


@click.command()
@sweep_options
@runner_options
@json_option
def command(target: SweepTarget, address: str | None, inline: bool, as_json: bool) -> None:
    """Prepare the data of a sweep, unless it is prepared already.

    `run` does the same first. Prepare ahead to use other machines, or once for several sweeps that share data.
    """
    from sweepkit.cli.live import watcher
    from sweepkit.driver.run import prepare_data  # not at the top: it imports pyarrow
    from sweepkit.driver.session import RunOptions
    from sweepkit.tasks.lookup import task_of

    definition = target.definition()
    console = stderr() if as_json else stdout()
    if inline:
        start_keras()
    with watcher(console, definition, ()) as callback:
        prepared = prepare_data(definition, RunOptions(address=address, inline=inline), callback)
    if as_json:
        print_json(prepared.manifest.to_json() | {"folder": str(prepared.folder)})
        return
    manifest = prepared.manifest
    lines = task_of(manifest.package).describe_data(manifest).summary
    for line in (f"prepared: {near(str(prepared.folder))} (key {manifest.key}, from {manifest.source})", *lines):
        console.print(line, soft_wrap=True)
