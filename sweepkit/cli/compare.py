"""`sweepkit compare`: sweeps or trials side by item: settings, parameters, metrics, epochs and predictions."""

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

    from sweepkit.results.compare import ComparedItem, PairedTest, SweepComparison
    from sweepkit.results.final_result import FinalResult, Interval

_NOTHING = "-"
_BARS = "▁▂▃▄▅▆▇█"
_MOST_EPOCHS = 20  # rows of the table by epoch, beside the best ones

Rows = Mapping[str, Sequence[str]]


@click.command()
@click.argument("target", metavar="SWEEP[#TRIAL]")
@click.argument("others", metavar="SWEEP[#TRIAL]...", nargs=-1)
@click.option(
    "--set", "sets", metavar="KEY.KEY=VALUE", multiple=True, help="Override a value of every YAML; repeatable."
)
@click.option("--data", metavar="SOURCE", help="Use this data instead of every data.source.")
@json_option
def command(target: str, others: tuple[str, ...], sets: tuple[str, ...], data: str | None, as_json: bool) -> None:
    """Compare two or more sweeps or trials: what differs, and whether it is more than noise.

    SWEEP is a sweep's YAML or folder, SWEEP#12 its trial 12, FOLDER/final#3 a trial of its final stage. A sweep is
    represented by its best trial. A paired test compares the first SWEEP with each of the others, if their
    predictions on validation are stored.
    """
    if not others:
        raise click.UsageError(f"needs two or more, like: compare {target} OTHER, or compare SWEEP#3 SWEEP#12")
    from sweepkit.results.compare import compare  # not at the top: it imports Optuna

    comparison = compare([target, *others], sets, data)
    if as_json:
        print_json(_as_json(comparison))
    else:
        _show(comparison)


def _as_json(comparison: SweepComparison) -> dict[str, object]:
    return {
        "sides": [_item_as_json(item) for item in comparison.items],
        "not_comparable": comparison.caveats(),
        "settings_that_differ": comparison.settings(),
        "parameters_that_differ": comparison.params(),
        "pairs": [asdict(pair) for pair in comparison.paired_tests()],
    }


def _item_as_json(item: ComparedItem) -> dict[str, object]:
    sweep, trial = item.sweep, item.trial
    values: dict[str, object] = {
        "name": item.label,
        "folder": sweep.folder.shown(),
        "package": sweep.config.package,
        "objective": sweep.config.objective.model_dump(),
        "data_key": item.data_key,
    }
    if item.is_sweep:
        values |= {"n_trials": sweep.n_trials, "counts": sweep.counts()} | asdict(item.effort())
        values["final"] = item.final.to_json() if item.final else None
    if trial:
        values["trial"] = {
            "number": trial.number,
            "parameters": dict(trial.params),
            "best_value": trial.best_value,
            "best_epoch": trial.best_epoch,
            "reason": trial.reason,
            "metrics": _finite(item.metrics),
            "epochs": [_finite(report.metrics) for report in trial.reports],
        }
    return values


def _finite(metrics: Mapping[str, float]) -> dict[str, float | None]:
    """Replace NaN and infinities, which JSON cannot represent, by null."""
    return {name: value if math.isfinite(value) else None for name, value in metrics.items()}


def _show(comparison: SweepComparison) -> None:
    items, console = comparison.items, stdout()
    paired_tests = comparison.paired_tests()  # first: damaged predictions are an error before anything is printed
    console.print(_table(items, _overview(items)))
    for name, rows in (("settings", comparison.settings()), ("parameters", comparison.params())):
        console.print(f"{name} that differ:" if rows else f"{name}: the same")
        if rows:
            console.print(_table(items, {key: [_setting(value) for value in row] for key, row in rows.items()}))
    console.print("metrics at the best epoch, and their curve from the first epoch to the last:")
    console.print(_table(items, _metrics(items)))
    for metric in dict.fromkeys(item.sweep.config.objective.metric for item in items):
        console.print(f"{metric} by epoch (* the best):")
        console.print(_table(items, _by_epoch(items, metric)))
    for caveat in comparison.caveats():
        console.print(caveat, soft_wrap=True)
    console.print("row by row on validation:")
    for pair in paired_tests:
        console.print(f"  {_paired(pair)}", soft_wrap=True)


def _table(items: Sequence[ComparedItem], rows: Rows) -> Table:
    from rich.table import Table

    table = Table()
    table.add_column("", no_wrap=True)
    for item in items:
        table.add_column(near(item.label), overflow="fold")
    for name, cells in rows.items():
        if any(cell != _NOTHING for cell in cells):
            table.add_row(name, *cells)
    return table


def _overview(items: Sequence[ComparedItem]) -> Rows:
    columns = [_about(item) for item in items]
    return {name: [column.get(name, _NOTHING) for column in columns] for column in columns for name in column}


def _about(item: ComparedItem) -> dict[str, str]:
    """Return the lines of the first table for an item, by name."""
    config, trial = item.sweep.config, item.trial
    about = {
        "folder": near(item.sweep.folder.shown()),
        "package": config.package,
        "objective": item.objective,
        "data": item.data_key,
    }
    if item.is_sweep:
        about |= _sweep_about(item)
    if trial is None:
        return about | {"best": "no trial has reported the objective yet"}
    about["trial"] = f"{trial.number}, the best" if item.is_sweep else str(trial.number)
    if trial.best_value is not None:
        about["best"] = f"{trial.best_value:.4f} after epoch {trial.best_epoch} of {trial.epoch}"
    return about | {"ended": trial.reason or "not yet"} | (_final_about(item.final) if item.final else {})


def _sweep_about(item: ComparedItem) -> dict[str, str]:
    effort = item.effort()
    counts = ", ".join(f"{count} {name}" for name, count in item.sweep.counts().items() if count)
    return {
        "started": str(item.sweep.manifest.created),
        "trials": f"{counts or 'none'} of {item.sweep.n_trials}",
        "epochs": str(effort.epochs),
        "from start to end": _NOTHING if effort.wall_s is None else duration(effort.wall_s),
        "all epochs together": _NOTHING if effort.epochs_s is None else duration(effort.epochs_s),
    }


def _final_about(final: FinalResult) -> dict[str, str]:
    winner, look = final.winner, final.look
    about = {"final stage": f"{winner.name}: {final.winner_mean:.4f}{_within(winner.interval)}, {final.n_seeds} seeds"}
    if look and look.accuracy is not None:
        about["on the test split"] = f"accuracy {look.accuracy:.4f}{_within(look.interval)}, {look.rows:,} rows"
    return about


def _metrics(items: Sequence[ComparedItem]) -> Rows:
    """Format each metric at the best epoch, with its curve unless flat; the curves of a metric share their scale."""
    rows: dict[str, list[str]] = {}
    for name in dict.fromkeys(name for item in items for name in item.metrics):
        curves = [item.curve(name) for item in items]
        scale = [value for curve in curves for value in curve if value is not None and math.isfinite(value)]
        is_flat = all(len(set(curve)) < 2 for curve in curves)
        rows[name] = [
            f"{_figure(item.metrics[name])} {'' if is_flat else sparkline(curve, scale)}".rstrip()
            if name in item.metrics
            else _NOTHING
            for item, curve in zip(items, curves, strict=True)
        ]
    return rows


def sparkline(values: Sequence[float | None], scale: Sequence[float]) -> str:
    """Draw one bar a value, from the lowest to the highest of `scale`; a dot where there is no finite value."""
    low, high = min(scale, default=0.0), max(scale, default=0.0)
    steps = (len(_BARS) - 1) / (high - low) if high > low else 0.0
    return "".join(
        "·" if value is None or not math.isfinite(value) else _BARS[round((value - low) * steps)] for value in values
    )


def _by_epoch(items: Sequence[ComparedItem], metric: str) -> Rows:
    """Format a metric epoch by epoch; of many epochs every n-th, the best ones and the last."""
    curves = [item.curve(metric) for item in items]
    last = max(map(len, curves))
    bests = [item.trial.best_epoch if item.trial else None for item in items]
    step = math.ceil(last / _MOST_EPOCHS) or 1
    epochs = [epoch for epoch in range(1, last + 1) if epoch % step == 0 or epoch in (1, last, *bests)]
    return {
        str(epoch): [
            _figure(curve[epoch - 1] if epoch <= len(curve) else None) + (" *" if epoch == best else "")
            for curve, best in zip(curves, bests, strict=True)
        ]
        for epoch in epochs
    }


def _paired(pair: PairedTest) -> str:
    start = f"{near(pair.first)} against {near(pair.second)}"
    test = pair.comparison
    if test is None:
        return f"{start}: not compared, {pair.why_not}"
    return (
        f"{start}: accuracy {test.difference:+.4f} ({test.interval.low:+.4f} to {test.interval.high:+.4f}) "
        f"on {test.rows:,} rows, right where the other is wrong {test.only_winner}, the reverse {test.only_other}, "
        f"McNemar p {test.p_value:.2g}: {test.verdict}"
    )


def _within(interval: Interval | None) -> str:
    return f" ({interval.low:.4f} to {interval.high:.4f})" if interval else ""


def _figure(value: float | None) -> str:
    if value is None:
        return _NOTHING
    is_count = abs(value) >= 1000 or (value.is_integer() and abs(value) > 1)
    return f"{value:,.0f}" if is_count else f"{value:.4f}"


def _setting(value: object) -> str:
    """Format a setting as in YAML; for a parameter of the space, its allowed values."""
    if isinstance(value, Mapping):
        if "options" in value:
            return _setting(value["options"])
        step = f", step {value['step']}" if value.get("step", 1) != 1 else ""
        log = ", log scale" if value.get("log") else ""
        return f"{short_value(value['low'])} to {short_value(value['high'])}{step}{log}"
    if isinstance(value, list | tuple):
        return ", ".join(_setting(one) for one in value)
    if value is None:
        return _NOTHING
    return str(value).lower() if isinstance(value, bool) else short_value(value)
