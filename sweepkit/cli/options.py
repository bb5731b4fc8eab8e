"""Options that several commands share, and the sweep that they name."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from sweepkit.config.definition import SweepDefinition
    from sweepkit.results.sweep import Sweep

Command = Callable[..., object]  # click calls a command with one keyword per option


@dataclass(frozen=True, slots=True)
class SweepTarget:
    """The sweep that a command line names, and its adjustments.

    Attributes:
        path: SWEEP: a YAML or a folder; for some commands a bundle, an MLflow run or a registered model.
        sets: overrides of the YAML, each `key.key=value`.
        data: replaces `data.source`.
    """

    path: Path
    sets: tuple[str, ...] = ()
    data: str | None = None

    def definition(self) -> SweepDefinition:
        """Read and check the YAML.

        Raises:
            InputError: with all issues of the YAML.
        """
        from sweepkit.config.definition import load  # not at the top: --help need not load pydantic

        return load(self.path, self.sets, data=self.data)

    def sweep(self) -> Sweep:
        """Read the sweep back from its folder.

        Raises:
            InputError: there is no such sweep yet.
        """
        from sweepkit.results.sweep import load_sweep  # not at the top: it imports Optuna

        return load_sweep(self.path, self.sets, self.data)

    def bundle(self) -> Path:
        """Return the local folder of the winner's bundle, which is exported first where there is none.

        Raises:
            InputError: there is no such sweep, or it has no trial to export.
            DataError: a checkpoint or prepared data is missing or damaged.
        """
        from sweepkit.final.winner import bundle_of  # not at the top: it imports pyarrow and Optuna

        return bundle_of(self.path, self.sets, self.data)


def sweep_options(function: Command) -> Command:
    """Add SWEEP, --set and --data to a command, which gets them as `target`, a `SweepTarget`."""

    @functools.wraps(function)  # click keeps the options of the decorators below this one on the function
    def command(target: Path, sets: tuple[str, ...], data: str | None, **others: object) -> object:
        return function(target=SweepTarget(target, sets, data), **others)

    return _decorated(
        command,
        click.argument("target", metavar="SWEEP", type=click.Path(path_type=Path)),
        click.option(
            "--set",
            "sets",
            metavar="KEY.KEY=VALUE",
            multiple=True,
            help="Override a value of the YAML; repeatable.",
        ),
        click.option("--data", metavar="SOURCE", help="Use this data instead of data.source."),
    )


def runner_options(function: Command) -> Command:
    """Add --address and --inline, which choose where trials run."""
    return _decorated(
        function,
        click.option(
            "--address",
            metavar="HOST:PORT",
            help="Connect to a running Ray cluster; `auto` finds the one on this machine.",
        ),
        click.option(
            "--inline", is_flag=True, help="Run one task at a time in this process, without Ray; for debugging."
        ),
    )


def json_option(function: Command) -> Command:
    """Add --json, as `as_json`."""
    return _decorated(
        function, click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
    )


def _decorated(function: Command, *options: Callable[[Command], Command]) -> Command:
    """Apply options so that --help lists them in this order."""
    for option in reversed(options):
        function = option(function)
    return function
