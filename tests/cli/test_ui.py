"""MLflow's pages, opened as a user opens them: real processes, which all end."""

from __future__ import annotations

import importlib
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from sweepkit.cli import app
from sweepkit.config.schema import SweepConfig
from sweepkit.errors import SweepError
from sweepkit.storage.layout import SweepPaths
from sweepkit.storage.storage import Storage
from tests.support import servers

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def sweep(tmp_path: Path) -> Callable[..., Path]:
    """Write the folder of a sweep that is in a store."""

    def write(uri: str, **manifest: object) -> Path:
        config = {"sweep": "cells", "package": "toy", "objective": {"metric": "score", "mode": "max"}}
        checked = SweepConfig.model_validate({**config, "tracking": {"uri": uri}})
        storage, paths = Storage.at(str(tmp_path / "runs")), SweepPaths("cells")
        manifest_keys = {"spec": checked.model_dump(mode="json"), "identity": {}, "n_trials": 1}
        storage.write_json(paths.manifest, manifest_keys | manifest)
        return storage.path(paths.root)

    return write


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run `ui` in this process; returns the exit code, stdout and stderr."""

    def call(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as leaving:
            app.main(["ui", *(str(argument) for argument in arguments)])
        out, err = capsys.readouterr()
        assert isinstance(leaving.value.code, int)
        return leaving.value.code, out, err

    return call


def started(folder: Path, port: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "sweepkit", "ui", str(folder), "--port", str(port), "--no-browser"]
    return subprocess.Popen(
        command,
        env=servers.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def server_of(process: subprocess.Popen[str]) -> int:
    """The process id, which is the group's too, of the one child that a process has."""
    processes = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True)
    (child,) = [int(row.split()[0]) for row in processes.stdout.splitlines() if int(row.split()[1]) == process.pid]
    return child


@pytest.mark.mlflow
@pytest.mark.slow
def test_the_pages_are_there_until_ctrl_c(sweep: Callable[..., Path], tmp_path: Path) -> None:
    uri, port = servers.new_store(tmp_path), servers.free_port()
    folder = sweep(uri, parent_run_id=servers.new_run(uri))
    process = started(folder, port)
    assert process.stdout
    lines = [process.stdout.readline() for _ in range(3)]
    page = re.fullmatch(
        rf"all trials: +(http://127.0.0.1:{port})/#/experiments/1/runs\?workflowType=machine_learning\n", lines[0]
    )
    assert page, lines
    assert lines[2].endswith("Ctrl-C ends it\n"), lines
    with urllib.request.urlopen(page[1], timeout=60) as answer:
        assert answer.status == 200
    server = server_of(process)
    os.kill(process.pid, signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert servers.is_group_empty(server)


@pytest.mark.mlflow
def test_a_server_shows_its_own_pages(sweep: Callable[..., Path], run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    ui = importlib.import_module("sweepkit.cli.ui")
    monkeypatch.setattr(ui, "_experiment", lambda uri, run_id: "5")
    monkeypatch.setattr("webbrowser.open", opened.append)
    folder = sweep("http://me:secret@host:5000/", parent_run_id="abc")
    code, out, _ = run(folder)
    assert code == 0
    assert out.split() == [
        *("all", "trials:", "http://host:5000/#/experiments/5/runs?workflowType=machine_learning"),
        *("the", "sweep's", "run:", "http://host:5000/#/experiments/5/runs/abc?workflowType=machine_learning"),
    ]
    assert opened == ["http://host:5000/#/experiments/5/runs?workflowType=machine_learning"]
    run(folder, "--no-browser")
    assert len(opened) == 1


@pytest.mark.mlflow
def test_obstacles_are_reported(sweep: Callable[..., Path], run: Run, tmp_path: Path) -> None:
    code, _, err = run(sweep(f"sqlite:///{tmp_path}/none.db", parent_run_id="abc"))
    assert code == 2
    assert (
        "none.db'; run this command in the folder where the sweep was run, or name the store with --tracking-uri" in err
    )
    assert not (tmp_path / "none.db").exists()

    code, _, err = run(sweep("http://me:secret@127.0.0.1:9", parent_run_id="abc"), "--no-browser")
    assert code == 2
    assert "tracking store 'http://127.0.0.1:9' is unreachable: connection refused; run this command in the" in err
    assert "secret" not in err

    code, _, err = run(sweep("sqlite:///mlflow.db"))
    assert code == 2
    assert "this sweep was not logged to MLflow" in err

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, _, err = run(sweep(servers.new_store(tmp_path), parent_run_id="abc"), "--port", port)
    assert code == 2
    assert f"port {port} cannot be used: address already in use; choose another one with --port" in err


@pytest.mark.mlflow
def test_a_run_that_the_store_does_not_have_ends_the_server_again(
    sweep: Callable[..., Path], run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ui = importlib.import_module("sweepkit.cli.ui")
    groups: list[int] = []
    start = ui.subprocess.Popen

    def noted(*arguments: object, **options: object) -> subprocess.Popen[bytes]:
        process: subprocess.Popen[bytes] = start(*arguments, **options)
        groups.append(process.pid)
        return process

    monkeypatch.setattr(ui.subprocess, "Popen", noted)
    folder = sweep(servers.new_store(tmp_path), parent_run_id="abc")
    code, _, err = run(folder, "--port", servers.free_port())
    assert code == 2
    assert "does not have the sweep's run: Run with id=abc not found; run this command in the folder where" in err
    assert len(groups) == 1
    assert servers.is_group_empty(groups[0])


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_kill_and_a_closed_terminal_end_it_as_ctrl_c_does(ending: signal.Signals) -> None:
    ui = importlib.import_module("sweepkit.cli.ui")
    before = signal.getsignal(ending)
    with pytest.raises(KeyboardInterrupt), ui._stopped_by_signals():
        signal.raise_signal(ending)
    assert signal.getsignal(ending) == before


def test_a_server_that_does_not_start_is_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ui = importlib.import_module("sweepkit.cli.ui")
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\necho the database is too old >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    failure = pytest.raises(SweepError, match="`mlflow ui` did not start; its last lines:\nthe database is too old")
    with failure, ui._serving("sqlite:///mlflow.db", servers.free_port()) as server:
        server.wait_until_up()
