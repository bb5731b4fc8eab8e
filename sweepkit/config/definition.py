"""A sweep, checked as a whole: its YAML, the sweep package, the narrowed space and the data settings.

Checks everything that can be checked before anything is started. `load(Path("sweeps/cells.yaml"))` reports all issues
of the YAML together, each with its line.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sweepkit.config.document import Document, read_yaml
from sweepkit.config.nodes import dotted
from sweepkit.config.package import Package, import_package
from sweepkit.config.schema import DataSettings, SweepConfig, check, parse
from sweepkit.errors import InputError, Issue
from sweepkit.formatting import listed, nearest
from sweepkit.space import Choice, Space

__all__ = ["Package", "SweepDefinition", "import_package", "load", "notes"]

# sampler -> an optional module that it requires, and how to install the module
_REQUIREMENTS = {"gp": ("torch", "pip install 'sweepkit[gp]'"), "cmaes": ("cmaes", "pip install cmaes")}


@dataclass(frozen=True)
class SweepDefinition:
    """A checked sweep: its config, its space and its data settings.

    Attributes:
        space: the package's space, narrowed by the YAML.
        data: data settings, checked against the package's `Data`.
        source: the YAML, as passed by the user.
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
        data: replaces `data.source`.

    Raises:
        InputError: with all issues of the file, the space and the data settings.
    """
    document = read_yaml(path, sets, data=data)
    config, issues = parse(document)
    package = _package(document, issues)
    if package is None:
        raise InputError(_in_order(issues))
    space, space_issues = _narrowed(package, document)
    data_settings, data_issues = check(package.data_model, _section(document, "data"), document, below=("data",))
    issues += [*space_issues, *data_issues]
    if config is not None and not space_issues:
        issues += _sampler_issues(config, space, document)
    if issues or config is None or data_settings is None:
        raise InputError(_in_order(issues))
    return SweepDefinition(config, space, data_settings, package, path)


def notes(definition: SweepDefinition) -> list[str]:
    """List what is allowed but may surprise: parameters that the sampler does not model, pruners that never prune."""
    config, space = definition.config, definition.space
    lines = [
        f"space.{name} never applies here: it needs {_condition(definition.package.space, name)}"
        for name in config.space
        if name not in space.parameters
    ]
    varied = [param for param in space.parameters.values() if (param.values() or (1, 2))[1:]]
    plain = [param for param in varied if not isinstance(param, Choice) and not param.when]
    if config.search.sampler in ("cmaes", "qmc") and len(plain) < len(varied):
        lines.append(
            f"{config.search.sampler} models {len(plain)} of {len(varied)} varied parameters; "
            "choices, lists and conditional ones are drawn at random"
        )
    size = space.size() if config.search.sampler == "grid" else None
    if size is not None and size > config.search.trials:
        lines.append(f"the grid has {size} points; search.trials limits the sweep to the first {config.search.trials}")
    stopping = config.stopping
    if stopping.rule in ("asha", "hyperband") and stopping.grace_epochs == stopping.max_epochs:
        lines.append(f"{stopping.rule} has no rung before epoch {stopping.max_epochs}, so it prunes no trial")
    if stopping.rule == "median" and stopping.warmup_trials >= config.search.trials:
        lines.append(f"median prunes no trial: warmup_trials {stopping.warmup_trials} is not below search.trials")
    return lines


def _package(document: Document, issues: list[Issue]) -> Package | None:
    """Import the sweep package of a document; None, with an issue added, if that fails."""
    name, beside = document.values.get("package"), document.path.parent
    if not (isinstance(name, str) and name.isidentifier() and len(name) <= 100):
        return None  # parse() has added the issue
    folder = beside / name
    if not (folder / "space.py").is_file():
        packages = sorted(module.parent.name for module in beside.glob("*/space.py"))
        hint = nearest(name, packages) if packages else "no folder there has a space.py"
        message = f"package {name!r} must be a folder with a space.py beside this file; {hint}"
        issues.append(Issue(document.where(("package",)), message))
        return None
    try:
        return import_package(name, folder)
    except InputError as error:
        issues += error.issues
        return None


def _narrowed(package: Package, document: Document) -> tuple[Space, list[Issue]]:
    space, issues = package.space.narrow(_section(document, "space"))
    return space, [
        Issue(document.where(("space", *below)), f"{dotted(('space', *below))}: {message}") for below, message in issues
    ]


def _section(document: Document, name: str) -> dict[str, object]:
    """Return a section's values; parse() has added an issue for a section that is not a mapping."""
    section = document.values.get(name)
    return section if isinstance(section, dict) else {}


def _sampler_issues(config: SweepConfig, space: Space, document: Document) -> list[Issue]:
    sampler = config.search.sampler
    where = document.where(("search", "sampler"))
    module, remedy = _REQUIREMENTS.get(sampler, ("", ""))
    if module and importlib.util.find_spec(module) is None:
        return [Issue(where, f"search.sampler: {sampler} needs {module}, which is not installed: {remedy}")]
    continuous = [name for name, param in space.parameters.items() if param.values() is None]
    if sampler == "grid" and continuous:
        return [
            Issue(
                document.where(("space", name)),
                f"space.{name}: the grid sampler needs a list of values, but the space allows any number from "
                f"{space.parameters[name].describe()['low']} to {space.parameters[name].describe()['high']}; "
                f"write space.{name}: [value, …] or a single value",
            )
            for name in continuous
        ]
    return []


def _in_order(issues: Sequence[Issue]) -> list[Issue]:
    """Sort by line: the file as a whole first, options last, issues of one line in their order."""

    def line(issue: Issue) -> float:
        if issue.where.startswith("--"):
            return float("inf")
        number = issue.where.rpartition(":")[2]
        return int(number) if number.isdecimal() else 0

    return sorted(dict.fromkeys(issues), key=line)


def _condition(space: Space, name: str) -> str:
    conditions = space.parameters[name].when or {}
    return " and ".join(f"{parent} in {listed(values)}" for parent, values in conditions.items())
