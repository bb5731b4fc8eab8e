"""`sweepkit run`: run a sweep to its end, show its progress, and print its result."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import click

from sweepkit.cli.console import interruptible, leaderboard_table, print_json, stderr, stdout
from sweepkit.cli.live import varied_names, watcher
from sweepkit.cli.options import SweepTarget, json_option, runner_options, sweep_options
from sweepkit.cli.quiet import start_keras
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
@click.option("--new", is_flag=True, help="Start a new sweep, NAME-2, where one of this name has other settings.")
@json_option
def command(
    target: SweepTarget,
    address: str | None,
    inline: bool,
    new: bool,
    as_json: bool,
) -> None:
    """Run a sweep to its end, or resume it.

    The same command again resumes an interrupted sweep. With --json, progress is written to stderr.
    """
    from sweepkit.driver.run import run_sweep  # not at the top: it imports pyarrow and Optuna
    from sweepkit.driver.session import RunOptions

    definition = target.definition()
    console = stderr() if as_json else stdout()
    if inline:
        start_keras()
    try:
        with interruptible(), watcher(console, definition, varied_names(definition)) as callback:
            result = run_sweep(definition, RunOptions(address=address, inline=inline, new=new), callback)
    except KeyboardInterrupt:
        console.print("\ninterrupted; the same command resumes the sweep from the last finished epochs", soft_wrap=True)
        raise click.exceptions.Exit(INTERRUPTED) from None
    if not as_json:
        _show(console, result, definition)
    final = _final_stage(definition, RunOptions(address=address, inline=inline), console, as_json=as_json)
    if as_json:
        print_json(_as_json(result, definition) | final)


def _show(console: Console, result: SweepResult, definition: SweepDefinition) -> None:
    objective = definition.config.objective
    console.print(leaderboard_table(result.leaderboard.trials, definition.config, most=_ROWS))
    console.print("why trials ended:")
    for reason, n_trials in result.leaderboard.reasons():
        console.print(f"  {n_trials:4} {reason}", soft_wrap=True)
    if result.over:
        console.print(
            f"the sweep ended early: {result.over}; the same command with a larger budget resumes it", soft_wrap=True
        )
    best = result.best
    console.print(
        f"best: trial {best.number}, {objective.metric} {best.best_value:.4f} after epoch {best.best_epoch}: "
        f"{params_line(best.params)}",
        soft_wrap=True,
    )
    console.print(f"its checkpoint: {near(result.checkpoint)}", soft_wrap=True)
    if result.tracking_uri:
        sweep = shlex.quote(near(str(result.folder.local or definition.source)))
        console.print(f"compare trials: python -m sweepkit ui {sweep}", soft_wrap=True)
    if definition.config.final is None:
        console.print(
            "next: the same command with `final` instead of `run` retrains the leaders and tests the winner",
            soft_wrap=True,
        )


def _final_stage(definition: SweepDefinition, how: RunOptions, console: Console, *, as_json: bool) -> dict[str, object]:
    """Run the final stage if the YAML has one, and show it; returns its part of the JSON object."""
    if definition.config.final is None:
        return {}
    from sweepkit.cli import final

    plan, result = final.finish(definition, how, console)
    if not as_json:
        final.show(console, plan, result)
    return {"final": final.as_json_object(plan, result)}


def _as_json(result: SweepResult, definition: SweepDefinition) -> dict[str, object]:
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
