"""`sweepkit prepare`: the data of a sweep as shared records, ahead of the sweep."""

from __future__ import annotations

from pathlib import Path

import click

from sweepkit.cli.console import print_json, stderr, stdout
from sweepkit.cli.options import json_option, load_problem, runner_options, sweep_options


@click.command()
@sweep_options
@runner_options
@json_option
def command(
    target: Path, sets: tuple[str, ...], data: str | None, address: str | None, inline: bool, as_json: bool
) -> None:
    """Prepare the data of a sweep, or find it prepared.

    `run` does this by itself; ahead of it, it can be done on other machines and for several sweeps that share data.
    """
    definition = load_problem(target, sets, data)
    from sweepkit.cli.live import watcher
    from sweepkit.driver.run import prepare_data  # not at the top: it imports pyarrow
    from sweepkit.driver.session import RunOptions
    from sweepkit.tasks.interface import task_of

    console = stderr() if as_json else stdout()
    with watcher(console, definition, ()) as observer:
        prepared = prepare_data(definition, RunOptions(address=address, inline=inline), observer)
    if as_json:
        print_json(prepared.manifest.to_json() | {"folder": str(prepared.folder)})
        return
    manifest = prepared.manifest
    lines = task_of(manifest.package).describe_data(manifest).summary
    for line in (f"prepared: {prepared.folder} (key {manifest.key}, from {manifest.source})", *lines):
        console.print(line, soft_wrap=True)
