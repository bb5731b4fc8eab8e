"""`sweepkit validate`: check a sweep file and show the sweep that it defines, without starting anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from sweepkit.cli.console import print_json, stdout
from sweepkit.cli.options import SweepTarget, json_option, sweep_options
from sweepkit.formatting import count
from sweepkit.redaction import hidden, hidden_in

if TYPE_CHECKING:
    from rich.table import Table

    from sweepkit.config.definition import SweepDefinition
    from sweepkit.space import Param


@click.command()
@sweep_options
@json_option
def command(target: SweepTarget, as_json: bool) -> None:
    """Check a sweep file and show the sweep that it defines.

    All problems are shown together, each with its line, and the exit code is 2.
    """
    from sweepkit.config.definition import notes  # not at the top: --help need not load pydantic

    definition = target.definition()
    if as_json:
        print_json(_as_json(definition, notes(definition)))
        return
    console = stdout()
    console.print(_summary(definition))
    console.print(_space_table(definition))
    for note in notes(definition):
        console.print(f"note: {note}", soft_wrap=True)
    console.print(f"{target.path} is valid", soft_wrap=True)


def _as_json(definition: SweepDefinition, notes: list[str]) -> dict[str, object]:
    return {
        "valid": True,
        "spec": hidden_in(definition.config.model_dump(mode="json")),
        "data": hidden_in(definition.data.model_dump(mode="json")),
        "space": definition.space.describe(),
        "grid_size": definition.space.size(),
        "notes": notes,
    }


def _summary(definition: SweepDefinition) -> Table:
    from rich.table import Table

    config = definition.config
    search, resources = config.search, config.resources
    grid = definition.space.size()
    workers = "as many as fit" if resources.workers is None else resources.workers
    hours = "no time limit" if config.budget.hours is None else f"{config.budget.hours:g} h"
    rows = {
        "sweep": f"{config.sweep} (package {config.package})",
        "objective": f"{config.objective.metric}, {config.objective.mode}",
        "search": f"{search.sampler}, {count(search.trials, 'trial')}, seed {search.seed}",
        "space": "continuous" if grid is None else count(grid, "point"),
        "stopping": _stopping(definition),
        "budget": f"{hours}, {count(config.budget.failures, 'failure')}, {_retries(definition)}",
        "resources": f"{resources.cpu} cpu, gpu {resources.gpu}, workers: {workers}",
        "storage": f"{config.storage.uri}, keeps {count(config.storage.keep, 'checkpoint')}",
        "tracking": (config.tracking.uri or "MLflow's default") if config.tracking.enabled else "off",
        "data": ", ".join(f"{key} {value}" for key, value in definition.data.model_dump().items() if value is not None),
    }
    table = Table(box=None, show_header=False)
    for key, value in rows.items():
        table.add_row(key, hidden(value))  # a URI of a store or of the data may contain a password
    return table


def _stopping(definition: SweepDefinition) -> str:
    rule = definition.config.stopping
    when = {
        "asha": f"asha from epoch {rule.grace_epochs}, reduction {rule.reduction}",
        "hyperband": f"hyperband from epoch {rule.grace_epochs}, reduction {rule.reduction}",
        "median": f"median after epoch {rule.grace_epochs} and {rule.warmup_trials} trials",
        "none": "none",
    }[rule.rule]
    patience = "" if rule.patience is None else f", patience {rule.patience}"
    return f"{when}; at most {count(rule.max_epochs, 'epoch')}{patience}"


def _retries(definition: SweepDefinition) -> str:
    budget = definition.config.budget
    timeout = "" if budget.timeout_minutes is None else f", {budget.timeout_minutes:g} min per epoch"
    retries = "1 retry" if budget.retries == 1 else f"{budget.retries} retries"
    return f"{retries} per trial{timeout}"


def _space_table(definition: SweepDefinition) -> Table:
    from rich.table import Table

    table = Table("parameter", "values", "applies when")
    for name, param in definition.space.parameters.items():
        conditions = [f"{parent}: {_listed(values)}" for parent, values in (param.when or {}).items()]
        table.add_row(name, _values(param), "\n".join(conditions) or "always")
    return table


def _values(param: Param) -> str:
    description = param.describe()
    if description["kind"] == "choice":
        return _listed(description["options"])
    step = f", step {description['step']}" if description.get("step", 1) != 1 else ""
    scale = ", log scale" if description["log"] else ""
    return f"{description['low']} to {description['high']}{step}{scale}"


def _listed(values: object) -> str:
    """Format values as in YAML."""
    assert isinstance(values, list | tuple), "options and conditions are sequences"
    return ", ".join(str(value).lower() if isinstance(value, bool) else str(value) or "''" for value in values)
