"""What several verbs share: their options, how a target becomes a problem, and where facts are printed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from sweepkit.config.definition import SweepDefinition

Function = TypeVar("Function", bound=Callable[..., Any])  # whatever click decorates


def sweep_options(function: Function) -> Function:
    """Add what names a sweep and adjusts it: SWEEP, --set and --data, as `target`, `sets` and `data`."""
    add = [
        click.argument("target", metavar="SWEEP", type=click.Path(path_type=Path)),
        click.option(
            "--set",
            "sets",
            metavar="KEY.KEY=VALUE",
            multiple=True,
            help="Override a value of the YAML; repeatable.",
        ),
        click.option("--data", metavar="SOURCE", help="Take the data from here instead of data.source."),
    ]
    for option in reversed(add):
        function = option(function)
    return function


def runner_options(function: Function) -> Function:
    """Add where to run: --address and --inline."""
    add = [
        click.option("--address", metavar="HOST:PORT", help="Use a running Ray cluster; `auto` is this machine's."),
        click.option("--inline", is_flag=True, help="Run one by one in this process, without Ray; for debugging."),
    ]
    for option in reversed(add):
        function = option(function)
    return function


def json_option(function: Function) -> Function:
    """Add --json, as `as_json`."""
    option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
    return option(function)


def load_problem(target: Path, sets: Sequence[str] = (), data: str | None = None) -> SweepDefinition:
    """Read and check a sweep's YAML with the overrides of the command line.

    Raises:
        InputError: with everything that is wrong.
    """
    from sweepkit.config.definition import load  # not at the top: a command's --help need not load pydantic

    return load(target, sets, data=data)
