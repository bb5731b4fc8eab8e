"""`sweepkit best`: the leading trial of a sweep, its parameters and its checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from sweepkit.cli.console import print_json, stdout
from sweepkit.cli.options import SweepTarget, json_option, sweep_options
from sweepkit.formatting import near, params_line

if TYPE_CHECKING:
    from sweepkit.results.final_result import FinalResult
    from sweepkit.results.sweep import Sweep
    from sweepkit.trial.trial import Trial


@click.command()
@sweep_options
@json_option
def command(target: SweepTarget, as_json: bool) -> None:
    """Show the leading trial, its best value, parameters and checkpoint, and the final stage's winner.

    SWEEP is a sweep's YAML or folder. Trials are ranked on the validation split only.
    """
    sweep = target.sweep()
    if as_json:
        print_json(_as_json(sweep))
    else:
        _show(sweep)


def _as_json(sweep: Sweep) -> dict[str, object]:
    best = sweep.best_trial
    return {
        "sweep": sweep.name,
        "trial": best.number,
        f"best_{sweep.config.objective.metric}": best.best_value,
        "best_epoch": best.best_epoch,
        "epochs": best.epoch,
        "reason": best.reason,
        "metrics": dict(_metrics(best)),
        "parameters": dict(best.params),
        "checkpoint": sweep.checkpoint(best),
        "run_id": best.run_id,
        "final": sweep.final.to_json() if sweep.final else None,
    }


def _metrics(best: Trial) -> Mapping[str, float]:
    """Return the metrics of the best epoch."""
    return best.reports[(best.best_epoch or 1) - 1].metrics


def _show(sweep: Sweep) -> None:
    best, metric = sweep.best_trial, sweep.config.objective.metric
    lines = [
        f"trial {best.number}: {metric} {best.best_value:.4f} after epoch {best.best_epoch} of {best.epoch}",
        f"parameters: {params_line(best.params)}",
        f"metrics: {params_line(_metrics(best))}",
        f"ended: {best.reason or 'not yet'}",
        f"checkpoint: {near(sweep.checkpoint(best))}",
    ]
    if sweep.final:
        lines.append(f"final stage: {_final(sweep.final)}")
        lines.append(f"its bundle: {near(sweep.folder.shown(sweep.folder.paths.winner))}")
    console = stdout()
    for line in lines:
        console.print(line, soft_wrap=True)


def _final(result: FinalResult) -> str:
    """Format the result of the final stage as one line."""
    winner, look = result.winner, result.look
    mean = f"{winner.name} won with {result.winner_mean:.4f}, the mean of {len(winner.values)} seeds"
    doubt = ", which may be noise" if result.is_in_doubt else ""
    return mean + doubt + (f"; test accuracy {look.accuracy:.4f}" if look and look.accuracy is not None else "")
