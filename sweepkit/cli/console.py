"""Where commands print: tables and JSON on stdout, progress on stderr beside JSON; and Ctrl-C while they run."""

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
    """Raise KeyboardInterrupt on Ctrl-C and on SIGTERM; the second signal ends this process at once.

    A library that is interrupted may raise another error while it cleans up; KeyboardInterrupt is raised then too.
    """
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    # a signal that the caller ignores or handles, as nohup does, stays as it is
    ours = [number for number, handler in before.items() if handler in (signal.SIG_DFL, signal.default_int_handler)]

    def interrupt(*_: object) -> None:
        for number in ours:
            signal.signal(number, lambda *_: os._exit(INTERRUPTED))
        raise KeyboardInterrupt

    for number in ours:
        signal.signal(number, interrupt)
    try:
        yield
    except Exception as error:
        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, KeyboardInterrupt):
                raise KeyboardInterrupt from error
            cause = cause.__cause__ or cause.__context__
        raise
    finally:
        for number in ours:
            signal.signal(number, before[number])


def print_json(value: Mapping[str, object]) -> None:
    """Print one JSON object on stdout."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def stdout() -> Console:
    """Return a console for tables: as wide as the terminal, or 120 columns in a file or a pipe."""
    from rich.console import Console  # costs a tenth of a second, which --json and --help do not need

    console = Console(highlight=False, markup=False, emoji=False)
    return console if console.is_terminal else Console(highlight=False, markup=False, emoji=False, width=120)


def stderr() -> Console:
    """Return a console for progress, while stdout is reserved for one JSON object."""
    from rich.console import Console  # not at the top, for the same tenth of a second

    return Console(stderr=True, highlight=False, markup=False)


def leaderboard_table(trials: Sequence[Trial], config: SweepConfig, *, most: int) -> Table:
    """Draw the leading trials: best value and its epoch, state, and the parameters that are not the same in all."""
    from rich.table import Table  # not at the top, for the same tenth of a second

    from sweepkit.formatting import params_line
    from sweepkit.trial.leaderboard import differing, ranked

    leaders = ranked(trials, config.objective.direction)
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
