"""`sweepkit best`: the leading trial of a sweep, its parameters and where its checkpoint is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from sweepkit.cli.console import print_json, stdout
from sweepkit.cli.options import json_option, sweep_options
from sweepkit.formatting import near, params_line, short_value

if TYPE_CHECKING:
    from sweepkit.results.final_result import FinalResult


@click.command()
@sweep_options
@json_option
def command(target: Path, sets: tuple[str, ...], data: str | None, as_json: bool) -> None:
    """Show the leading trial, its best value, parameters and checkpoint, and the final stage's winner.

    SWEEP is its YAML or its folder. Selection uses the validation split only.
    """
    from sweepkit.results.sweep import load_sweep  # not at the top: it imports Optuna

    sweep = load_sweep(target, sets, data)
    best = sweep.best_trial
    checkpoint = sweep.checkpoint(best)
    metric = sweep.config.objective.metric
    if as_json:
        facts = {"sweep": sweep.name, "trial": best.number, f"best_{metric}": best.best_value}
        epochs = {"best_epoch": best.best_epoch, "epochs": best.epoch, "reason": best.reason}
        metrics = {"metrics": dict(best.reports[(best.best_epoch or 1) - 1].metrics)}
        place = {"parameters": dict(best.params), "checkpoint": checkpoint, "run_id": best.run_id}
        final = {"final": sweep.final.to_json() if sweep.final else None}
        print_json(facts | epochs | metrics | place | final)
        return
    console = stdout()
    console.print(
        f"trial {best.number}: {metric} {best.best_value:.4f} after epoch {best.best_epoch} of {best.epoch}",
        soft_wrap=True,
    )
    console.print(f"parameters: {params_line(best.params)}", soft_wrap=True)
    metrics_line = " ".join(
        f"{k}={short_value(v)}" for k, v in best.reports[(best.best_epoch or 1) - 1].metrics.items()
    )
    console.print(f"metrics: {metrics_line}", soft_wrap=True)
    console.print(f"ended: {best.reason or 'not yet'}", soft_wrap=True)
    console.print(f"checkpoint: {near(checkpoint)}", soft_wrap=True)
    if sweep.final:
        console.print(f"final stage: {_final(sweep.final)}", soft_wrap=True)
        console.print(f"its bundle: {near(sweep.folder.shown(sweep.folder.paths.winner))}", soft_wrap=True)


def _final(result: FinalResult) -> str:
    winner, look = result.winner, result.look
    said = f"{winner.name} won with {result.winner_mean:.4f}, the mean of {len(winner.values)} seeds"
    doubt = ", which may be noise" if result.is_in_doubt else ""
    return said + doubt + (f"; test accuracy {look.accuracy:.4f}" if look and look.accuracy is not None else "")
