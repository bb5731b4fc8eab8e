"""`sweepkit prepare`: the data of a sweep as shared records, ahead of the sweep."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from sweepkit.cli.console import print_json, stderr, stdout
from sweepkit.cli.options import json_option, load_problem, runner_options, sweep_options

if TYPE_CHECKING:
    from sweepkit.data.dataset import PreparedData


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

    console = stderr() if as_json else stdout()
    with watcher(console, definition, ()) as observer:
        prepared = prepare_data(definition, RunOptions(address=address, inline=inline), observer)
    if as_json:
        print_json(prepared.manifest.to_json() | {"folder": str(prepared.folder)})
        return
    for line in _lines(prepared):
        console.print(line, soft_wrap=True)


def _lines(prepared: PreparedData) -> list[str]:
    manifest = prepared.manifest
    lines = [f"prepared: {prepared.folder} (key {manifest.key}, from {manifest.source})"]
    for split, facts in manifest.splits.items():
        counts = ", ".join(
            f"{count:,} {name}" for name, count in zip(manifest.label_names, facts.label_counts, strict=True)
        )
        spread = (
            f"; tokens: median {facts.lengths['median']:.0f}, 99 % {facts.lengths['p99']:.0f}" if facts.rows else ""
        )
        lines.append(f"{split}: {facts.rows:,} rows ({counts}){spread}")
    vocabulary = manifest.vocabulary
    lines.append(f"vocabulary: {vocabulary.size:,} words, {vocabulary.token_share:.1%} of the tokens of train")
    lines += [
        f"vectors of {facts.dim}: {facts.words_found:,} words, {facts.token_share:.1%} of the tokens of train"
        for facts in manifest.vectors
    ]
    return lines
