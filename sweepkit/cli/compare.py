"""`sweepkit compare`: sweeps or trials side by side, in settings, parameters, metrics, epochs and predictions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from sweepkit.cli.console import print_json, stdout
from sweepkit.cli.options import json_option
from sweepkit.formatting import duration, near, short_value

if TYPE_CHECKING:
    from rich.table import Table

    from sweepkit.results.compare import ComparedItem, PairedTest
    from sweepkit.results.final_result import FinalResult, Interval

_NOTHING = "-"
_BARS = "▁▂▃▄▅▆▇█"
_MOST_EPOCHS = 20  # rows of the table by epoch

Rows = Mapping[str, Sequence[str]]


@click.command()
@click.argument("target", metavar="SWEEP[#TRIAL]")
@click.argument("others", metavar="SWEEP[#TRIAL]...", nargs=-1)
@click.option(
    "--set", "sets", metavar="KEY.KEY=VALUE", multiple=True, help="Override a value of the YAMLs; repeatable."
)
@click.option("--data", metavar="SOURCE", help="Read the YAMLs as if data.source were this.")
@json_option
def command(target: str, others: tuple[str, ...], sets: tuple[str, ...], data: str | None, as_json: bool) -> None:
    """Compare two or more sweeps or trials: what differs, and whether it is more than noise.

    SWEEP is a YAML or a sweep's folder, SWEEP#12 its trial 12, FOLDER/final#3 a trial of its final stage. A sweep is
    shown with its best trial. The first one named is compared with each of the others where their predictions on
    validation are stored.
    """
    if not others:
        raise click.UsageError(f"two or more are needed, like: compare {target} OTHER, or compare SWEEP#3 SWEEP#12")
    from sweepkit.results.compare import open_items, pairs  # not at the top: it imports Optuna

    sides = open_items([target, *others], sets, data)
    found = pairs(sides)
    if as_json:
        print_json(_facts(sides, found))
    else:
        _show(sides, found)


def sparkline(values: Sequence[float | None], scale: Sequence[float]) -> str:
    """Draw one bar a value, from the lowest to the highest of `scale`; a dot where there is no finite value."""
    low, high = min(scale, default=0.0), max(scale, default=0.0)
    steps = (len(_BARS) - 1) / (high - low) if high > low else 0.0
    return "".join(
        "·" if value is None or not math.isfinite(value) else _BARS[round((value - low) * steps)] for value in values
    )


def _facts(sides: Sequence[ComparedItem], found: Sequence[PairedTest]) -> dict[str, object]:
    from sweepkit.results import compare

    return {
        "sides": [_side_facts(side) for side in sides],
        "not_comparable": compare.caveats(sides),
        "settings_that_differ": compare.differing(sides, compare.settings),
        "parameters_that_differ": compare.differing(sides, compare.parameters),
        "pairs": [asdict(pair) for pair in found],
    }


def _side_facts(side: ComparedItem) -> dict[str, object]:
    from sweepkit.results.compare import effort

    sweep, trial = side.sweep, side.trial
    facts: dict[str, object] = {
        "name": side.label,
        "folder": sweep.folder.shown(),
        "package": sweep.config.package,
        "objective": sweep.config.objective.model_dump(),
        "data_key": side.data_key,
    }
    if side.is_sweep:
        counts = {"n_trials": sweep.n_trials, "counts": sweep.counts()}
        facts |= counts | asdict(effort(sweep)) | {"final": side.final.to_json() if side.final else None}
    if trial:
        facts["trial"] = {
            "number": trial.number,
            "parameters": dict(trial.params),
            "best_value": trial.best_value,
            "best_epoch": trial.best_epoch,
            "reason": trial.reason,
            "metrics": _finite(side.metrics),
            "epochs": [_finite(report.metrics) for report in trial.reports],
        }
    return facts


def _finite(metrics: Mapping[str, float]) -> dict[str, float | None]:
    """Put null for what JSON has no number for."""
    return {name: value if math.isfinite(value) else None for name, value in metrics.items()}


def _show(sides: Sequence[ComparedItem], found: Sequence[PairedTest]) -> None:
    from sweepkit.results import compare

    console = stdout()
    console.print(_table(sides, _overview(sides)))
    for name, facts_of in (("settings", compare.settings), ("parameters", compare.parameters)):
        rows = compare.differing(sides, facts_of)
        console.print(f"{name} that differ:" if rows else f"{name}: the same")
        if rows:
            console.print(_table(sides, {key: [_said(value) for value in row] for key, row in rows.items()}))
    console.print("metrics at the best epoch, and their way from the first epoch to the last:")
    console.print(_table(sides, _metrics(sides)))
    for metric in dict.fromkeys(side.sweep.config.objective.metric for side in sides):
        console.print(f"{metric} by epoch (* the best):")
        console.print(_table(sides, _by_epoch(sides, metric)))
    for caveat in compare.caveats(sides):
        console.print(caveat, soft_wrap=True)
    console.print("row by row on validation:")
    for pair in found:
        console.print(f"  {_paired(pair)}", soft_wrap=True)


def _table(sides: Sequence[ComparedItem], rows: Rows) -> Table:
    from rich.table import Table

    table = Table()
    table.add_column("", no_wrap=True)
    for side in sides:
        table.add_column(near(side.label), overflow="fold")
    for name, cells in rows.items():
        if any(cell != _NOTHING for cell in cells):
            table.add_row(name, *cells)
    return table


def _overview(sides: Sequence[ComparedItem]) -> Rows:
    columns = [_about(side) for side in sides]
    return {name: [column.get(name, _NOTHING) for column in columns] for column in columns for name in column}


def _about(side: ComparedItem) -> dict[str, str]:
    """Say what a side is, line by line."""
    config, trial = side.sweep.config, side.trial
    about = {
        "folder": near(side.sweep.folder.shown()),
        "package": config.package,
        "objective": side.objective,
        "data": side.data_key,
    }
    if side.is_sweep:
        about |= _sweep_about(side)
    if trial is None:
        return about | {"best": "no trial has reported the objective yet"}
    about["trial"] = f"{trial.number}, the best" if side.is_sweep else str(trial.number)
    if trial.best_value is not None:
        about["best"] = f"{trial.best_value:.4f} after epoch {trial.best_epoch} of {trial.epoch}"
    return about | {"ended": trial.reason or "not yet"} | (_final_about(side.final) if side.final else {})


def _sweep_about(side: ComparedItem) -> dict[str, str]:
    from sweepkit.results.compare import effort

    usage = effort(side.sweep)
    counts = ", ".join(f"{count} {name}" for name, count in side.sweep.counts().items() if count)
    return {
        "begun": str(side.sweep.manifest.created),
        "trials": f"{counts or 'none'} of {side.sweep.n_trials}",
        "epochs": str(usage.epochs),
        "from start to end": _NOTHING if usage.wall_s is None else duration(usage.wall_s),
        "all epochs together": _NOTHING if usage.epochs_s is None else duration(usage.epochs_s),
    }


def _final_about(final: FinalResult) -> dict[str, str]:
    winner, look = final.winner, final.look
    about = {"final stage": f"{winner.name}: {final.winner_mean:.4f}{_within(winner.interval)}, {final.n_seeds} seeds"}
    if look and look.accuracy is not None:
        about["on the test split"] = f"accuracy {look.accuracy:.4f}{_within(look.interval)}, {look.rows:,} rows"
    return about


def _metrics(sides: Sequence[ComparedItem]) -> Rows:
    """Say each metric at the best epoch, with its curve where it has one; curves of one metric share their scale."""
    rows: dict[str, list[str]] = {}
    for name in dict.fromkeys(name for side in sides for name in side.metrics):
        curves = [side.curve(name) for side in sides]
        scale = [value for curve in curves for value in curve if value is not None and math.isfinite(value)]
        is_flat = all(len(set(curve)) < 2 for curve in curves)
        rows[name] = [
            f"{_figure(side.metrics[name])} {'' if is_flat else sparkline(curve, scale)}".rstrip()
            if name in side.metrics
            else _NOTHING
            for side, curve in zip(sides, curves, strict=True)
        ]
    return rows


def _by_epoch(sides: Sequence[ComparedItem], metric: str) -> Rows:
    """Say a metric epoch by epoch; of many epochs every so-manieth, the best ones and the last."""
    curves = [side.curve(metric) for side in sides]
    last = max(map(len, curves))
    bests = [side.trial.best_epoch if side.trial else None for side in sides]
    step = math.ceil(last / _MOST_EPOCHS) or 1
    shown = [epoch for epoch in range(1, last + 1) if epoch % step == 0 or epoch in (1, last, *bests)]
    return {
        str(epoch): [
            _figure(curve[epoch - 1] if epoch <= len(curve) else None) + (" *" if epoch == best else "")
            for curve, best in zip(curves, bests, strict=True)
        ]
        for epoch in shown
    }


def _paired(pair: PairedTest) -> str:
    start = f"{near(pair.first)} against {near(pair.second)}"
    found = pair.comparison
    if found is None:
        return f"{start}: not compared, {pair.why_not}"
    return (
        f"{start}: accuracy {found.difference:+.4f} ({found.interval.low:+.4f} to {found.interval.high:+.4f}) "
        f"on {found.rows:,} rows, right where the other is wrong {found.only_winner}, the reverse {found.only_other}, "
        f"McNemar p {found.p_value:.2g}: {found.verdict}"
    )


def _within(interval: Interval | None) -> str:
    return f" ({interval.low:.4f} to {interval.high:.4f})" if interval else ""


def _figure(value: float | None) -> str:
    if value is None:
        return _NOTHING
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4f}"


def _said(value: object) -> str:
    """Say a setting as a YAML would have it; of a parameter of the space, what it may be."""
    if isinstance(value, Mapping):
        if "options" in value:
            return _said(value["options"])
        step = f", step {value['step']}" if value.get("step", 1) != 1 else ""
        log = ", log scale" if value.get("log") else ""
        return f"{short_value(value['low'])} to {short_value(value['high'])}{step}{log}"
    if isinstance(value, list | tuple):
        return ", ".join(_said(one) for one in value)
    if value is None:
        return _NOTHING
    return str(value).lower() if isinstance(value, bool) else short_value(value) or "''"
