"""The sweep that a command line names, with its adjustments."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from sweepkit.cli.options import SweepTarget, json_option, sweep_options
from sweepkit.errors import InputError
from tests.support.small_sweeps import YAML, write_sweep

SweepFile = Callable[..., Path]


@click.command()
@sweep_options
@json_option
def command(target: SweepTarget, as_json: bool) -> None:
    """Print the target."""
    click.echo(f"{target} {as_json}")


def test_a_command_gets_one_target() -> None:
    done = CliRunner().invoke(command, ["a.yaml", "--set", "x=1", "--json", "--set", "y=2", "--data", "rows.csv"])
    assert done.stdout.strip() == f"{SweepTarget(Path('a.yaml'), ('x=1', 'y=2'), 'rows.csv')} True"
    assert CliRunner().invoke(command, ["a.yaml"]).stdout.strip() == f"{SweepTarget(Path('a.yaml'))} False"


def test_help_lists_the_options_in_order_with_the_docstring() -> None:
    shown = CliRunner().invoke(command, ["--help"]).stdout
    assert "SWEEP" in shown
    assert "Print the target." in shown
    assert shown.index("--set") < shown.index("--data") < shown.index("--json")


def test_the_definition_has_the_adjustments(sweep_file: SweepFile) -> None:
    target = SweepTarget(sweep_file(YAML), ("search.trials=7",), "rows.csv")
    definition = target.definition()
    assert (definition.config.search.trials, definition.data.source) == (7, "rows.csv")


def test_the_sweep_is_read_by_its_yaml_and_by_its_folder(sweep_file: SweepFile, tmp_path: Path) -> None:
    path = sweep_file(YAML)
    folder = write_sweep(path, tmp_path / "runs", [[0.5]])
    assert SweepTarget(folder).sweep().name == "cells"
    assert SweepTarget(path, (f"storage.uri={tmp_path / 'runs'}",)).sweep().best_trial.best_value == 0.5


def test_a_folder_that_is_no_sweep_has_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="neither a bundle"):
        SweepTarget(tmp_path).bundle()
