"""What several verbs share: their options, how a target becomes a problem, and where facts are printed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from sweepkit.problem import SweepProblem

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


def load_problem(target: Path, sets: Sequence[str] = (), data: str | None = None) -> SweepProblem:
    """Read and check a sweep's YAML with the overrides of the command line.

    Raises:
        InputError: with everything that is wrong.
    """
    from sweepkit.problem import load  # not at the top: a command's --help need not load pydantic

    return load(target, sets, data=data)


def print_json(facts: Mapping[str, object]) -> None:
    """Print one JSON object on stdout."""
    click.echo(json.dumps(facts, indent=2, ensure_ascii=False))


def stdout() -> Console:
    """Return a console for tables: as wide as the terminal, or 120 columns in a file or a pipe."""
    from rich.console import Console  # costs a tenth of a second, which --json and --help do not need

    console = Console(highlight=False, markup=False, emoji=False)
    return console if console.is_terminal else Console(highlight=False, markup=False, emoji=False, width=120)


def stderr() -> Console:
    """Return a console for what happens while stdout is kept for one JSON object."""
    from rich.console import Console  # as above

    return Console(stderr=True, highlight=False, markup=False)


def rows_table(rows: Sequence[Mapping[str, object]], *, title: str) -> Table:
    """Draw rows that have the same keys; nothing stands for an absent value."""
    from rich.table import Table  # as above

    from sweepkit.commands.formats import cell

    table = Table(title=title, title_justify="left")
    numeric = {name for row in rows for name, value in row.items() if isinstance(value, int | float)}
    for name in rows[0] if rows else ():
        table.add_column(name, justify="right" if name in numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(cell(value) for value in row.values()))
    return table
