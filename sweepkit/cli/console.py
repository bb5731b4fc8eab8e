"""Where commands print: tables and facts on stdout, progress on stderr, and what Ctrl-C does meanwhile."""

from __future__ import annotations

import contextlib
import json
import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import click

from sweepkit.errors import INTERRUPTED

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from sweepkit.config.schema import SweepConfig
    from sweepkit.trial.trial import Trial


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Raise KeyboardInterrupt on Ctrl-C and on SIGTERM; a second one ends this process at once.

    Also where a library was cut short by it and raised something else while it left.
    """
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    ours = [number for number, answer in before.items() if answer in (signal.SIG_DFL, signal.default_int_handler)]

    def interrupt(*_: object) -> None:
        for number in ours:
            signal.signal(number, lambda *_: os._exit(INTERRUPTED))
        raise KeyboardInterrupt

    for number in ours:
        signal.signal(number, interrupt)
    try:
        yield
    except Exception as error:
        seen: BaseException | None = error
        while seen is not None:
            if isinstance(seen, KeyboardInterrupt):
                raise KeyboardInterrupt from error
            seen = seen.__cause__ or seen.__context__
        raise
    finally:
        for number in ours:
            signal.signal(number, before[number])


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


def leaderboard_table(trials: Sequence[Trial], config: SweepConfig, *, most: int) -> Table:
    """Draw the leading trials: best value, when, how they ended, and the parameters that are not the same in all."""
    from rich.table import Table  # as above

    from sweepkit.formatting import params_line
    from sweepkit.trial.leaderboard import differing, ranked
    from sweepkit.trial.trial import Direction

    leaders = ranked(trials, Direction(config.objective.mode))
    names = differing(trials)
    table = Table(title=f"best {min(most, len(leaders))} of {len(trials)} trials", title_justify="left")
    for name in ("rank", "trial", config.objective.metric, "epoch"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("ended", no_wrap=True)
    table.add_column("parameters that differ", overflow="fold")
    for rank, trial in enumerate(leaders[:most], start=1):
        params = {name: trial.params[name] for name in names if name in trial.params}
        table.add_row(
            str(rank),
            str(trial.number),
            f"{trial.best_value:.4f}",
            f"{trial.best_epoch} of {trial.epoch}",
            trial.state.value if trial.state else "not yet",
            params_line(params),
        )
    return table
