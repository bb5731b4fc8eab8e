"""`sweepkit plan`: estimate the cost of a sweep before anything starts."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sweepkit.cli.console import print_json, stdout
from sweepkit.cli.options import SweepTarget, json_option, sweep_options
from sweepkit.errors import DataError
from sweepkit.formatting import duration

if TYPE_CHECKING:
    from rich.table import Table

    from sweepkit.config.definition import SweepDefinition
    from sweepkit.config.schema import Budget
    from sweepkit.driver.estimate import Plan


@click.command()
@sweep_options
@json_option
def command(target: SweepTarget, as_json: bool) -> None:
    """Show what a sweep would cost: trials, rungs, epochs and a rough time.

    Nothing is started. The time is estimated from the package's count of operations, the number of rows, and the
    speed of a matrix product on this machine. It may be wrong by a factor of two, and by more on a busy machine.
    """
    from sweepkit.config.definition import notes  # not at the top: --help need not load pydantic

    definition = target.definition()
    plan, basis = _plan(definition)
    if as_json:
        print_json(
            {**asdict(plan), **basis, "budget": definition.config.budget.model_dump(), "notes": notes(definition)}
        )
        return
    console = stdout()
    console.print(_counts(definition, plan))
    console.print(_reaching(plan))
    for line in [
        _time(plan, basis),
        *_price(definition, plan, basis),
        *(f"note: {note}" for note in notes(definition)),
    ]:
        console.print(line, soft_wrap=True)


def _plan(definition: SweepDefinition) -> tuple[Plan, dict[str, float | None]]:
    """Estimate the sweep on this machine; also return the inputs of the estimate."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # read when NumPy is imported; one thread is measured
    from sweepkit import provenance
    from sweepkit.driver import estimate

    resources = definition.config.resources
    workers = resources.workers or max(provenance.machine().cores // resources.cpu, 1)
    on_gpu = resources.gpu not in ("auto", 0)  # a GPU's speed cannot be measured here: a worker may have another
    n_rows, mean_tokens = _rows(definition)
    basis = {
        "n_rows": n_rows,
        "workers": workers,
        "gflops_per_s": None if on_gpu else round(estimate.measure_gflops(), 2),
    }
    plan = estimate.estimate(
        definition,
        n_rows=n_rows,
        mean_tokens=mean_tokens,
        workers=workers,
        gflops_per_s=basis["gflops_per_s"],
    )
    return plan, basis


def _rows(definition: SweepDefinition) -> tuple[int | None, float | None]:
    """Return the rows of train and valid, and their mean length, from prepared data; else the package's row count."""
    from sweepkit.data.dataset import PreparedData  # not at the top: it imports NumPy

    settings, source = definition.data.model_dump(), definition.data.source
    for path in _manifests(definition):
        try:
            manifest = PreparedData.open(path.parent).manifest
            is_same = all(settings[key] == value for key, value in manifest.settings.items() if key in settings)
            # by the source's name alone: its content key takes reading it all, too slow for an estimate
            if is_same and (source is None or Path(source).name in manifest.source):
                train, valid = manifest.splits["train"], manifest.splits["valid"]
                return train.rows + valid.rows, train.lengths["mean"]
        except (DataError, KeyError, TypeError, AttributeError):
            continue  # not prepared data of this format; `run` prepares it again
    return definition.package.n_rows(definition.data), None


def _manifests(definition: SweepDefinition) -> list[Path]:
    """Return the manifests of the package's prepared data, the newest first."""
    folder = Path(definition.config.storage.uri) / "data"
    try:
        manifests = list(folder.glob(f"{definition.config.package}-*/manifest.json"))
        return sorted(manifests, key=lambda path: -path.stat().st_mtime)
    except OSError:
        return []  # the storage cannot be read; `run` reports the error


def _counts(definition: SweepDefinition, plan: Plan) -> Table:
    from rich.table import Table

    config = definition.config
    grid = "" if plan.grid_size is None else f" of {plan.grid_size} grid points"
    saved = "" if plan.epochs == plan.full_epochs else f" expected, {plan.full_epochs} without pruning"
    table = Table(box=None, show_header=False)
    table.add_row("trials", f"{plan.n_trials}{grid} ({config.search.sampler})")
    table.add_row("rungs", ", ".join(map(str, plan.rungs)) or f"none (stopping.rule: {config.stopping.rule})")
    table.add_row("epochs", f"{plan.epochs}{saved}")
    budget = limits(config.budget)
    if budget:
        table.add_row("budget", f"ends after {' or '.join(budget)}")
    return table


def limits(budget: Budget) -> list[str]:
    """Format each limit that the budget sets, such as `120 epochs`."""
    texts = [f"{budget.hours:g} h"] if budget.hours is not None else []
    texts += [f"{budget.epochs} epochs"] if budget.epochs is not None else []
    if budget.money is not None and budget.price_per_worker_hour is not None:
        hours = budget.money / budget.price_per_worker_hour
        price = f"{hours:.3g} worker-hours at {budget.price_per_worker_hour:g}"
        texts.append(f"{budget.money:g} in money, which is {price}")
    return texts


def _reaching(plan: Plan) -> Table:
    from rich.table import Table

    table = Table("epoch", "trials that reach it")
    for epoch, n_trials in plan.reaching:
        table.add_row(str(epoch), str(n_trials))
    return table


def _time(plan: Plan, basis: dict[str, float | None]) -> str:
    if basis["gflops_per_s"] is None:
        return "time: not estimated, because trials run on GPUs"
    if plan.time_s is None:
        return "time: known after `prepare`, which counts the rows"
    time = f"roughly {duration(plan.time_s)}" if plan.time_s >= 1 else "less than 1 s"
    gflop = plan.gflop_per_epoch or 0.0
    gflops = f"{gflop:,.0f}" if gflop >= 10 else f"{gflop:.2g}"
    return (
        f"time: {time} on this machine's CPUs, {basis['workers']} trials at once ({basis['n_rows']:,} rows, "
        f"{gflops} GFLOP per epoch, {basis['gflops_per_s']:g} GFLOP/s per thread as measured)"
    )


def _price(definition: SweepDefinition, plan: Plan, basis: dict[str, float | None]) -> list[str]:
    """Price the estimated time, where the YAML has a price."""
    price, workers = definition.config.budget.price_per_worker_hour, basis["workers"]
    if price is None or plan.time_s is None or workers is None:
        return []
    return [
        f"money: roughly {plan.time_s / 3600 * workers * price:.3g}, for {workers} workers at {price:g} an hour each"
    ]
