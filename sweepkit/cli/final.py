"""`sweepkit final`: retrain the leaders from fresh seeds, and evaluate the winner once on the test split."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from sweepkit.cli.console import interruptible, print_json, stderr, stdout
from sweepkit.cli.options import SweepTarget, json_option, runner_options, sweep_options
from sweepkit.cli.quiet import start_keras
from sweepkit.errors import INTERRUPTED
from sweepkit.formatting import near, params_line

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from sweepkit.config.definition import SweepDefinition
    from sweepkit.driver.session import RunOptions
    from sweepkit.final.stage import FinalPlan
    from sweepkit.results.final_result import Comparison, FinalResult, HeldOutEvaluation


@click.command()
@sweep_options
@runner_options
@click.option(
    "--again", is_flag=True, help="Evaluate on the test split once more; every evaluation is counted and shown."
)
@json_option
def command(
    target: SweepTarget,
    address: str | None,
    inline: bool,
    again: bool,
    as_json: bool,
) -> None:
    """Retrain the leading trials from fresh seeds, rank them, and evaluate the winner once on the test split.

    SWEEP is the YAML. The same command again resumes an interrupted final stage, and shows the result of a finished
    one.
    """
    from sweepkit.driver.session import RunOptions  # not at the top: it imports pyarrow and Optuna

    definition = target.definition()
    console = stderr() if as_json else stdout()
    plan, result = finish(definition, RunOptions(address=address, inline=inline), console, again=again)
    if as_json:
        print_json(as_json_object(plan, result))
    else:
        show(console, plan, result)


def finish(
    definition: SweepDefinition, how: RunOptions, console: Console, *, again: bool = False
) -> tuple[FinalPlan, FinalResult]:
    """Run the final stage and show its progress."""
    from sweepkit.cli.live import watcher
    from sweepkit.final.stage import plan_final, run_final

    plan = plan_final(definition)
    _announce(console, plan)
    if how.inline:
        start_keras()
    param_sets = [candidate.params for candidate in plan.candidates]
    varied = [name for name in param_sets[0] if len({repr(params.get(name)) for params in param_sets}) > 1]
    try:
        with interruptible(), watcher(console, plan.definition, varied) as callback:
            return plan, run_final(plan, how, callback, again=again)
    except KeyboardInterrupt:
        console.print(
            f"\ninterrupted; `python -m sweepkit final {definition.source}` resumes from the last finished epochs",
            soft_wrap=True,
        )
        raise click.exceptions.Exit(INTERRUPTED) from None


def _announce(console: Console, plan: FinalPlan) -> None:
    leaders = [str(candidate.trial) for candidate in plan.candidates if not candidate.is_baseline]
    trials = f"trial{'s' if len(leaders) > 1 else ''} {', '.join(leaders)}"
    console.print(f"final stage: {trials} and the baselines, {plan.settings.seeds} fresh seeds each", soft_wrap=True)
    if plan.n_unfinished:
        console.print(f"{plan.n_unfinished} trials of the sweep have not ended and are left out", soft_wrap=True)


def as_json_object(plan: FinalPlan, result: FinalResult) -> dict[str, object]:
    """Return the result of the final stage as the JSON object that --json prints."""
    from dataclasses import asdict

    return {
        "sweep": plan.sweep.config.sweep,
        "winner": result.winner.name,
        "parameters": dict(result.winner.params),
        "in_doubt": result.is_in_doubt,
        "look": asdict(result.look) if result.look else None,
        "bundle": _bundle_folder(plan),
        **result.to_json(),
    }


def _bundle_folder(plan: FinalPlan) -> str:
    """Return the folder of the winner's bundle, as shown to a user."""
    return plan.folder.shown(plan.folder.paths.winner)


def show(console: Console, plan: FinalPlan, result: FinalResult) -> None:
    """Print the ranking, which differences may be noise, and the winner's bundle."""
    console.print(_table(result))
    console.print("winner against the others, row by row on validation:")
    for comparison in result.comparisons:
        console.print(f"  {_compared(comparison)}", soft_wrap=True)
    if result.is_in_doubt:
        console.print("the first place is in doubt: another candidate may be as good", soft_wrap=True)
    for look in result.looks:
        console.print(_test_result(look, result), soft_wrap=True)
    if result.looks and result.look is None:
        console.print(
            "the winner has changed since then; `--again` evaluates it on the test split, as one more look",
            soft_wrap=True,
        )
    winner = result.winner
    console.print(f"winner: {winner.name}: {params_line(winner.params)}", soft_wrap=True)
    console.print(f"its bundle: {near(_bundle_folder(plan))}", soft_wrap=True)
    if result.registered:
        console.print(f"in the model registry: {result.registered}, alias champion", soft_wrap=True)


def _table(result: FinalResult) -> Table:
    from rich.table import Table

    table = Table(title=f"{result.metric} on validation, {result.n_seeds} fresh seeds each", title_justify="left")
    table.add_column("rank", justify="right")
    table.add_column("candidate", overflow="fold")
    table.add_column("mean", justify="right", no_wrap=True)
    table.add_column("95 % interval", no_wrap=True)
    table.add_column("runs", overflow="fold")
    rank = 0
    for candidate in result.candidates:
        rank += not candidate.is_baseline
        interval = candidate.interval
        table.add_row(
            "baseline" if candidate.is_baseline else str(rank),
            candidate.name,
            "-" if candidate.mean is None else f"{candidate.mean:.4f}",
            f"{interval.low:.4f} to {interval.high:.4f}" if interval else "",
            " ".join(f"{value:.4f}" for value in candidate.values) or f"no {result.metric}",
        )
    return table


def _compared(comparison: Comparison) -> str:
    interval = comparison.interval
    return (
        f"{comparison.other}: accuracy {comparison.difference:+.4f} ({interval.low:+.4f} to {interval.high:+.4f}), "
        f"right where the other is wrong {comparison.only_winner}, the reverse {comparison.only_other}, "
        f"McNemar p {comparison.p_value:.2g}: {comparison.verdict}"
    )


def _test_result(look: HeldOutEvaluation, result: FinalResult) -> str:
    start = f"test split, evaluation {look.number} of {len(result.looks)} ({look.at[:10]}), {look.candidate}"
    if look.accuracy is None or look.interval is None:
        return f"{start}: started but not finished"
    return (
        f"{start}: accuracy {look.accuracy:.4f} ({look.interval.low:.4f} to {look.interval.high:.4f}), {look.rows} rows"
    )
