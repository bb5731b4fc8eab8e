"""A sweep, checked as a whole: its YAML, the package it names, the narrowed space and the data settings.

Everything that can be known without starting anything is known here. `load(Path("sweeps/cells.yaml"))`
reports all problems of the YAML together, each with its line.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sweepkit.config.document import Document, dotted, read_yaml
from sweepkit.config.package import Package, import_package
from sweepkit.config.schema import DataSettings, SweepConfig, check, parse
from sweepkit.errors import InputError, Issue
from sweepkit.formatting import listed, nearest
from sweepkit.space import Choice, Space

__all__ = ["Package", "SweepDefinition", "import_package", "load", "notes"]

# sampler -> the module that it cannot do without, and how to get it
_NEEDS = {"gp": ("torch", "pip install 'sweepkit[gp]'"), "cmaes": ("cmaes", "pip install cmaes")}


@dataclass(frozen=True)
class SweepDefinition:
    """What a sweep searches for, in what space, on what data.

    Attributes:
        space: the package's space as the YAML narrowed it.
        data: the package's own settings.
        source: the YAML, as the user named it.
    """

    config: SweepConfig
    space: Space
    data: DataSettings
    package: Package
    source: Path


def load(path: Path, sets: Sequence[str] = (), *, data: str | None = None) -> SweepDefinition:
    """Read and check a sweep file.

    Args:
        path: the YAML.
        sets: overrides, each `key.key=value`.
        data: takes the place of `data.source`.

    Raises:
        InputError: with all problems of the file, the space and the data settings.
    """
    document = read_yaml(path, sets, data=data)
    config, issues = parse(document)
    package = _package(document, issues)
    if package is None:
        raise InputError(_in_order(issues))
    space, faults = _narrowed(package, document)
    settings, more = check(package.data_model, _section(document, "data"), document, below=("data",))
    issues += [*faults, *more]
    if config is not None and not faults:
        issues += _sampler_problems(config, space, document)
    if issues or config is None or settings is None:
        raise InputError(_in_order(issues))
    return SweepDefinition(config, space, settings, package, path)


def notes(problem: SweepDefinition) -> list[str]:
    """Say what is allowed but may surprise: what a sampler does not model, rules that never stop anything."""
    config, space = problem.config, problem.space
    found = [
        f"space.{name} never applies here: it needs {_condition(problem.package.space, name)}"
        for name in config.space
        if name not in space.parameters
    ]
    varied = [param for param in space.parameters.values() if (param.values() or (1, 2))[1:]]
    plain = [param for param in varied if not isinstance(param, Choice) and not param.when]
    if config.search.sampler in ("cmaes", "qmc") and len(plain) < len(varied):
        found.append(
            f"{config.search.sampler} models {len(plain)} of {len(varied)} varied parameters; "
            "choices, lists and conditional ones are drawn at random"
        )
    size = space.size() if config.search.sampler == "grid" else None
    if size is not None and size > config.search.trials:
        found.append(f"the grid has {size} points, search.trials takes only the first {config.search.trials}")
    rule = config.stopping
    if rule.rule in ("asha", "hyperband") and rule.grace_epochs == rule.max_epochs:
        found.append(f"{rule.rule} has no rung before epoch {rule.max_epochs}, so it stops nothing")
    if rule.rule == "median" and rule.warmup_trials >= config.search.trials:
        found.append(f"median stops nothing: warmup_trials {rule.warmup_trials} is not below search.trials")
    return found


def _package(document: Document, issues: list[Issue]) -> Package | None:
    """Import the package that a document names; None, with the problem added, if that cannot be."""
    name, beside = document.values.get("package"), document.path.parent
    if not (isinstance(name, str) and name.isidentifier() and len(name) <= 100):
        return None  # parse() has said why
    folder = beside / name
    if not (folder / "space.py").is_file():
        known = sorted(found.parent.name for found in beside.glob("*/space.py"))
        hint = nearest(name, known) if known else "no folder there has a space.py"
        message = f"package {name!r} must be a folder with a space.py beside this file; {hint}"
        issues.append(Issue(document.where(("package",)), message))
        return None
    try:
        return import_package(name, folder)
    except InputError as error:
        issues += error.issues
        return None


def _narrowed(package: Package, document: Document) -> tuple[Space, list[Issue]]:
    space, faults = package.space.narrow(_section(document, "space"))
    return space, [
        Issue(document.where(("space", *below)), f"{dotted(('space', *below))}: {message}") for below, message in faults
    ]


def _section(document: Document, name: str) -> dict[str, object]:
    """Return a section's values; what is no mapping has been refused by parse()."""
    section = document.values.get(name)
    return section if isinstance(section, dict) else {}


def _sampler_problems(config: SweepConfig, space: Space, document: Document) -> list[Issue]:
    sampler = config.search.sampler
    where = document.where(("search", "sampler"))
    module, remedy = _NEEDS.get(sampler, ("", ""))
    if module and importlib.util.find_spec(module) is None:
        return [Issue(where, f"search.sampler: {sampler} needs {module}, which is not installed: {remedy}")]
    endless = [name for name, param in space.parameters.items() if param.values() is None]
    if sampler == "grid" and endless:
        return [
            Issue(
                document.where(("space", name)),
                f"space.{name}: the grid sampler needs a list of values, but this takes any number from "
                f"{space.parameters[name].describe()['low']} to {space.parameters[name].describe()['high']}; "
                f"write space.{name}: [value, …] or a single value",
            )
            for name in endless
        ]
    return []


def _in_order(issues: Sequence[Issue]) -> list[Issue]:
    """Sort by line, the whole file first and options last; problems of one line stay as found."""

    def line(problem: Issue) -> float:
        if problem.where.startswith("--"):
            return float("inf")
        number = problem.where.rpartition(":")[2]
        return int(number) if number.isdecimal() else 0

    return sorted(dict.fromkeys(issues), key=line)


def _condition(space: Space, name: str) -> str:
    conditions = space.parameters[name].when or {}
    return " and ".join(f"{parent} in {listed(values)}" for parent, values in conditions.items())
