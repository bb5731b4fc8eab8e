"""`status` and `plan` on small real sweeps, in this process."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from sweepkit.cli import plan, status
from sweepkit.config.definition import load
from sweepkit.storage.lock import DriverLock
from sweepkit.storage.storage import Storage
from sweepkit.storage.sweep_folder import SweepFolder
from sweepkit.study.study import SweepStudy
from tests.support.small_sweeps import YAML, write_sweep

SweepFile = Callable[..., Path]
BUDGET = "budget: {hours: 8, epochs: 100, money: 12.5, price_per_worker_hour: 0.5}\n"


@pytest.fixture
def folder(sweep_file: SweepFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a sweep that two workers ran for an hour."""
    path = sweep_file(YAML + BUDGET)
    folder = write_sweep(path, tmp_path / "runs", [[0.5, 0.6], [0.7]])
    definition = load(path)
    study = SweepStudy.open(folder / "journal.log", definition.config, definition.space)
    monkeypatch.setattr("sweepkit.study.study.time.time", lambda: 1000.0)
    with study.running(workers=2):
        monkeypatch.setattr("sweepkit.study.study.time.time", lambda: 4600.0)
    return folder


def shown(command: object, *arguments: str) -> str:
    done = CliRunner().invoke(command, list(arguments))  # type: ignore[arg-type]  # a click command
    assert done.exit_code == 0, done.output
    return done.stdout


def test_status_says_what_was_spent_and_how_much_is_on_disk(folder: Path) -> None:
    line = next(line for line in shown(status.command, str(folder)).splitlines() if line.startswith("spent: "))
    assert line.startswith("spent: 1 h 00 min of 8 h, 2 worker-hours, 3 of 100 epochs, 1.00 of 12.5 in money; ")
    assert line.endswith(" kB on disk")


def test_status_has_the_same_as_json(folder: Path) -> None:
    facts = json.loads(shown(status.command, str(folder), "--json"))
    assert facts["spent"] == {"hours": 1.0, "worker_hours": 2.0, "epochs": 3, "money": 1.0}
    assert facts["disk_bytes"] == sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    assert facts["running"] is None


def test_status_says_who_runs_the_sweep(folder: Path) -> None:
    with DriverLock("run", where="") as lock:
        lock.take(SweepFolder(Storage.at(str(folder.parents[1])), "cells"))
        assert "running: `python -m sweepkit run` of " in shown(status.command, str(folder))
    assert "running:" not in shown(status.command, str(folder))


def test_a_plan_names_the_budgets(sweep_file: SweepFile) -> None:
    path = sweep_file(YAML + BUDGET)
    text = " ".join(shown(plan.command, str(path)).split())
    assert "ends after 8 h or 100 epochs or 12.5 in money, which is 25 worker-hours at 0.5" in text
    assert json.loads(shown(plan.command, str(path), "--json"))["budget"]["epochs"] == 100


def test_a_plan_prices_its_time(sweep_file: SweepFile) -> None:
    text = shown(plan.command, str(sweep_file(YAML + BUDGET)), "--data", "sample", "--set", "resources.workers=2")
    assert "for 2 workers at 0.5 an hour each" in text
