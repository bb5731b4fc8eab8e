"""`sweepkit run`: the whole sweep, watched while it runs, and what came out of it."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sweepkit.cli.console import interruptible, leaderboard_table, print_json, stderr, stdout
from sweepkit.cli.live import varied_names, watcher
from sweepkit.cli.options import json_option, load_problem, runner_options, sweep_options
from sweepkit.errors import INTERRUPTED
from sweepkit.formatting import near, params_line

if TYPE_CHECKING:
    from rich.console import Console

    from sweepkit.config.definition import SweepDefinition
    from sweepkit.driver.run import SweepResult
    from sweepkit.driver.session import RunOptions

_ROWS = 10


@click.command()
@sweep_options
@runner_options
@click.option("--new", is_flag=True, help="Start another sweep beside one of this name that has other settings.")
@json_option
def command(
    target: Path,
    sets: tuple[str, ...],
    data: str | None,
    address: str | None,
    inline: bool,
    new: bool,
    as_json: bool,
) -> None:
    """Run a sweep to its end, or go on with it.

    The same command again continues an interrupted sweep. With --json, what happens goes to stderr.
    """
    definition = load_problem(target, sets, data)
    from sweepkit.driver.run import run_sweep  # not at the top: it imports pyarrow and Optuna
    from sweepkit.driver.session import RunOptions

    console = stderr() if as_json else stdout()
    try:
        with interruptible(), watcher(console, definition, varied_names(definition)) as observer:
            result = run_sweep(definition, RunOptions(address=address, inline=inline, new=new), observer)
    except KeyboardInterrupt:
        console.print("\ninterrupted; the same command goes on from the last finished epochs", soft_wrap=True)
        raise click.exceptions.Exit(INTERRUPTED) from None
    if not as_json:
        _show(console, result, definition)
    if not as_json and definition.config.final is None:
        console.print("next: the same command with `final` for `run` trains the leaders again and measures the winner")
    final = _finish(definition, RunOptions(address=address, inline=inline), console, as_json=as_json)
    if as_json:
        print_json(_facts(result, definition) | final)


def _finish(definition: SweepDefinition, how: RunOptions, console: Console, *, as_json: bool) -> dict[str, object]:
    """Run the final stage where the sweep file asks for one; return what it found for --json."""
    if definition.config.final is None:
        return {}
    from sweepkit.cli import final

    plan, found = final.finish(definition, how, console)
    if not as_json:
        final.show(console, plan, found)
    return {"final": final.facts(plan, found)}


def ui_command(result: SweepResult, definition: SweepDefinition) -> str:
    """Say how to open MLflow's pages on a sweep."""
    return f"python -m sweepkit ui {shlex.quote(near(str(result.folder.local or definition.source)))}"


def _facts(result: SweepResult, definition: SweepDefinition) -> dict[str, object]:
    objective = definition.config.objective
    return {
        "sweep": result.folder.sweep,
        "best_trial": result.best.number,
        f"best_{objective.metric}": result.best.best_value,
        "best_epoch": result.best.best_epoch,
        "parameters": dict(result.best.params),
        "checkpoint": result.checkpoint,
        "ended_early": result.over,
        "reasons": dict(result.leaderboard.reasons()),
        "tracking_uri": result.tracking_uri,
        "leaderboard": result.leaderboard.rows(),
    }


def _show(console: Console, result: SweepResult, definition: SweepDefinition) -> None:
    objective = definition.config.objective
    console.print(leaderboard_table(result.leaderboard.trials, definition.config, most=_ROWS))
    console.print("why trials ended:")
    for reason, count in result.leaderboard.reasons():
        console.print(f"  {count:4} {reason}", soft_wrap=True)
    if result.over:
        console.print(
            f"the sweep ended early: {result.over}; run it again with a larger budget to go on", soft_wrap=True
        )
    best = result.best
    console.print(
        f"best: trial {best.number}, {objective.metric} {best.best_value:.4f} after epoch {best.best_epoch}: "
        f"{params_line(best.params)}",
        soft_wrap=True,
    )
    console.print(f"its checkpoint: {near(result.checkpoint)}", soft_wrap=True)
    if result.tracking_uri:
        console.print(f"compare trials: {ui_command(result, definition)}", soft_wrap=True)
