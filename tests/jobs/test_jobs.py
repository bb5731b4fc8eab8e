"""The batch jobs, started as a scheduler does: from any folder, with nothing installed."""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.support.commands import ROOT, TOY, forked
from tests.support.waiting import wait_until

VERBS = {"prepare": "prepare", "sweep": "run", "final": "final", "export": "pull"}


def command(name: str, *arguments: object) -> list[str]:
    return [sys.executable, str(ROOT / "jobs" / f"{name}.py"), *(str(argument) for argument in arguments)]


def environment(**more: str) -> dict[str, str]:
    """Return this process's environment without what may lead to sweepkit, a store or a cluster."""
    kept = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "RAY_ADDRESS") and k[:7] != "MLFLOW_"}
    return kept | more


def job(
    folder: Path, name: str, *arguments: object, code: int = 0, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run a job in a folder and check how it ends."""
    done = subprocess.run(
        command(name, *arguments), cwd=folder, env=environment(**variables), capture_output=True, text=True, check=False
    )
    assert done.returncode == code, f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


@pytest.fixture
def shared(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """What the jobs share, imported as they do."""
    monkeypatch.setattr(sys, "path", [str(ROOT / "jobs"), *sys.path])
    return importlib.import_module("_job")


def test_every_job_is_tested() -> None:
    names = {path.stem for path in (ROOT / "jobs").glob("*.py")}
    assert names == {*VERBS, "_job", "make_sample"}


@pytest.mark.parametrize("name", VERBS)
def test_a_job_takes_what_its_command_takes(tmp_path: Path, name: str) -> None:
    shown = job(tmp_path, name, "--help").stdout
    assert shown.startswith(f"Usage: sweepkit {VERBS[name]} ")
    assert "--set KEY.KEY=VALUE" in shown


@pytest.mark.parametrize("name", VERBS)
@pytest.mark.slow
def test_the_exit_code_of_the_command_is_passed_on(tmp_path: Path, name: str) -> None:
    more = ("--to", "winner") if name == "export" else ()
    assert "there is no such file" in job(tmp_path, name, "nothing.yaml", *more, code=2).stderr


@pytest.mark.ray
def test_jobs_that_run_on_ray_use_the_cluster_of_the_environment(tmp_path: Path) -> None:
    done = job(tmp_path, "prepare", TOY, code=2, RAY_ADDRESS="127.0.0.1:1")
    assert "no Ray cluster answers at '127.0.0.1:1'" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["x.yaml"], ["x.yaml", "--address", "head:6379"]),
        (["x.yaml", "--inline"], ["x.yaml", "--inline"]),
        (["x.yaml", "--address", "other:1"], ["x.yaml", "--address", "other:1"]),
        (["x.yaml", "--address=other:1"], ["x.yaml", "--address=other:1"]),
    ],
)
def test_what_the_arguments_say_of_where_to_run_comes_first(
    shared: ModuleType, arguments: list[str], expected: list[str]
) -> None:
    assert shared.with_address(arguments, {"RAY_ADDRESS": "head:6379"}) == expected
    assert shared.with_address(arguments, {}) == arguments
    assert shared.with_address(arguments, {"RAY_ADDRESS": ""}) == arguments


def test_a_second_sigterm_does_not_cut_the_ending_short(shared: ModuleType) -> None:
    before = signal.signal(signal.SIGTERM, shared.interrupt)
    try:
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)


@pytest.mark.tf
def test_preparing_data(tmp_path: Path) -> None:
    found = json.loads(job(tmp_path, "prepare", TOY, "--inline", "--json").stdout)
    assert Path(found["folder"]).is_relative_to(tmp_path / "runs" / "data")
    assert found["splits"]["train"]["rows"] == 128


@pytest.mark.tf
@pytest.mark.slow
@pytest.mark.parametrize("where", [("--inline",), pytest.param((), marks=pytest.mark.ray)], ids=["inline", "on-ray"])
def test_sigterm_ends_a_sweep_as_ctrl_c_does_and_the_same_job_goes_on(tmp_path: Path, where: tuple[str, ...]) -> None:
    forked(tmp_path, "prepare", str(TOY), "--inline")  # Ray would start a worker with a TensorFlow for it
    sets = (*where, "--set", "tracking.enabled=false", "--set", "search.trials=1")
    long = ("--set", "stopping.max_epochs=500")
    with subprocess.Popen(
        command("sweep", TOY, *sets, *long), cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, text=True
    ) as running:
        checkpoints = tmp_path / "runs/sweeps/toy/trials/0000/checkpoints"
        wait_until(lambda: list(checkpoints.glob("epoch-*/state.json")), "a checkpoint", process=running)
        running.send_signal(signal.SIGTERM)
        said = running.stdout.read() if running.stdout else ""
    assert running.returncode == 130
    assert "interrupted; the same command resumes the sweep from the last finished epochs" in said
    trained = max(int(state.parent.name[-4:]) for state in checkpoints.glob("epoch-*/state.json"))
    short = ("--set", f"stopping.max_epochs={trained + 1}")  # fewer than it has run would be refused
    result = json.loads(job(tmp_path, "sweep", TOY, *sets, *short, "--json").stdout)
    assert result["leaderboard"][0]["outcome"] == "complete"
