"""Whole sweeps of the toy package that meet a fault of a store, go on, and end as if nothing had been."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import servers
from tests.support.commands import ROOT, TOY, facts, forked, sweepkit
from tests.support.disks import SmallDisk, small_disk
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.tf, pytest.mark.slow, pytest.mark.faults]
LONG = (
    *("--set", "stopping.max_epochs=5", "--set", "search.trials=2", "--set", "deterministic=true"),
    *("--set", "storage.keep=2"),
)
OFF = ("--inline", "--set", "tracking.enabled=false")
_START_S = 120.0


def board(folder: Path) -> list[dict[str, Any]]:
    """The leaderboard without what differs from run to run."""
    rows = json.loads((folder / "runs/sweeps/toy/leaderboard.json").read_text())
    return [{key: value for key, value in row.items() if key != "seconds"} for row in rows]


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MLFLOW_")}
    return subprocess.Popen(
        [sys.executable, "-m", "sweepkit", "run", str(TOY), *arguments],
        cwd=folder,
        env=environment | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def wait_for(path: Path, run: subprocess.Popen[str]) -> None:
    """Wait until a sweep has written a file."""
    wait_until(path.exists, str(path), process=run, output=lambda: run.poll() and run.stdout and run.stdout.read())


def ended(run: subprocess.Popen[str], *, code: int = 0) -> str:
    out, _ = run.communicate(timeout=_START_S)
    assert run.returncode == code, out
    return out


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """The leaderboard of a sweep that met no fault."""
    folder = tmp_path_factory.mktemp("whole")
    forked(folder, "run", str(TOY), *OFF, *LONG)
    return board(folder)


def test_a_kill_that_damaged_the_newest_checkpoint_and_tore_the_journal_changes_nothing_in_the_end(
    tmp_path: Path, whole: list[dict[str, Any]]
) -> None:
    trial, journal = tmp_path / "runs/sweeps/toy/trials/0000", tmp_path / "runs/sweeps/toy/journal.log"
    run = start(tmp_path, *OFF, *LONG)
    wait_for(trial / "checkpoints/epoch-0004/state.json", run)
    run.send_signal(signal.SIGKILL)
    run.communicate()
    newest = sorted((trial / "checkpoints").glob("epoch-*/model.weights.h5"))[-1]
    newest.write_bytes(newest.read_bytes()[:-100])
    torn = journal.read_bytes()[:-30]
    journal.write_bytes(torn)
    for verb in ("status", "best"):
        sweepkit(tmp_path, verb, "runs/sweeps/toy")
    assert journal.read_bytes() == torn, "reading changes nothing"
    out = forked(tmp_path, "run", str(TOY), *OFF, *LONG).stdout
    assert "warning: the last line of the journal was half-written" in out
    warning = (
        f"{newest.relative_to(tmp_path)}: this file of a checkpoint differs from its checksum; the trial resumes from"
    )
    assert warning in out
    assert warning in (trial / "log.txt").read_text()
    assert board(tmp_path) == whole
    reported = [line for line in out.splitlines() if line.startswith("trial 0 epoch ")]
    assert len(reported) <= 3, "what the journal has is not reported again"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with small_disk(tmp_path / "disk", size="4m") as disk:
        yield disk


def test_a_full_storage_ends_the_sweep_and_the_same_command_goes_on(
    disk: SmallDisk, whole: list[dict[str, Any]]
) -> None:
    trials = disk.folder / "runs/sweeps/toy/trials"
    run = start(disk.folder, *OFF, *LONG)
    wait_for(trials / "0000/checkpoints/epoch-0002/state.json", run)
    disk.fill()
    out = ended(run, code=3)
    (error,) = (line for line in out.splitlines() if line.startswith("error:"))
    assert f"error: {disk.folder}/runs/sweeps/toy/" in error
    assert "cannot be written: no space left on device; free some space there" in error
    assert error.endswith("and the same command resumes from the last finished epochs")
    assert "Traceback" not in out
    assert not list(trials.rglob(".unfinished-*")), "half-written files are cleaned up"
    status = facts(sweepkit(disk.folder, "status", "runs/sweeps/toy", "--json"))
    assert status["counts"]["failed"] == 0
    refused = forked(disk.folder, "run", str(TOY), *OFF, *LONG, code=2)
    assert "no space left on device" in refused.stderr
    disk.clear()
    forked(disk.folder, "run", str(TOY), *OFF, *LONG)
    assert board(disk.folder) == whole


@pytest.mark.ray
def test_on_ray_a_full_storage_ends_the_sweep_without_failing_trials(disk: SmallDisk) -> None:
    off = ("--set", "tracking.enabled=false", "--set", "search.trials=6", "--set", "stopping.max_epochs=4")
    trials = disk.folder / "runs/sweeps/toy/trials"
    run = start(disk.folder, *off)
    wait_for(trials / "0001/checkpoints/epoch-0001/state.json", run)
    disk.fill()
    out = ended(run, code=3)
    assert "cannot be written: no space left on device; free some space there" in out
    assert "Traceback" not in out
    assert facts(sweepkit(disk.folder, "status", "runs/sweeps/toy", "--json"))["counts"]["failed"] == 0
    disk.clear()
    done = facts(sweepkit(disk.folder, "run", str(TOY), *off, "--json"))
    assert [row["outcome"] for row in done["leaderboard"]] == ["complete"] * 6


class Tracking:
    """A tracking server of its own that can be killed and started again at the same address."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder, self.port = folder, servers.free_port()
        servers.new_store(folder)
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        store = ["--backend-store-uri", f"sqlite:///{self.folder}/mlflow.db"]
        where = ["--artifacts-destination", str(self.folder / "files"), "--host", "127.0.0.1", "--port", str(self.port)]
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "mlflow", "server", "--workers", "1", *store, *where],
                cwd=self.folder,
                env=servers.environment(),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        servers.wait_for(f"{self.uri}/health", self._process, self.folder / "server.log")

    def kill(self) -> None:
        if self._process:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        with sqlite3.connect(self.folder / "mlflow.db") as store:
            return store.execute(statement).fetchall()

    def told(self) -> dict[str, object]:
        """What the store knows, without what differs from run to run."""
        by_name = "from runs r join {0} x on x.run_uuid = r.run_uuid"
        own = "not in ('train_seconds', 'valid_seconds', 'sweepkit.host', 'mlflow.log-model.history')"
        metrics = f"select r.name, x.key, x.step, x.value {by_name.format('metrics')} where x.key {own}"
        tags = f"select r.name, x.key {by_name.format('tags')} where x.key {own}"
        return {
            "runs": self.query("select name, status from runs order by name"),
            "metrics": sorted(self.query(metrics)),
            "params": sorted(self.query(f"select r.name, x.key {by_name.format('params')}")),
            "tags": sorted(self.query(tags)),
            "inputs": self.query("select count(*) from inputs"),
            "files": sorted(path.name for path in (self.folder / "files").rglob("*") if path.is_file()),
        }


@pytest.fixture
def tracking(tmp_path: Path) -> Iterator[Tracking]:
    tracking = Tracking(tmp_path / "server")
    yield tracking
    tracking.kill()


@pytest.fixture(scope="module")
def always_there(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """What a store knows of a sweep during which it was there all the time."""
    folder = tmp_path_factory.mktemp("always-there")
    tracking = Tracking(folder / "server")
    try:
        forked(folder, "run", str(TOY), "--inline", "--set", f"tracking.uri={tracking.uri}", *LONG)
        return tracking.told()
    finally:
        tracking.kill()


@pytest.mark.mlflow
class TestTracking:
    def test_a_server_that_is_killed_and_comes_back_misses_nothing(
        self, tmp_path: Path, tracking: Tracking, always_there: dict[str, object]
    ) -> None:
        run = start(tmp_path, "--inline", "--set", f"tracking.uri={tracking.uri}", *LONG)
        trials = tmp_path / "runs/sweeps/toy/trials"
        wait_for(trials / "0000/checkpoints/epoch-0002/state.json", run)
        tracking.kill()
        wait_for(trials / "0001/log.txt", run)
        run.send_signal(signal.SIGSTOP)  # a server takes longer to start than the toy to end
        tracking.start()
        run.send_signal(signal.SIGCONT)
        out = ended(run)
        assert tracking.told() == always_there
        assert "is unreachable; updates are queued until it answers: connection refused" in out
        assert "sync" not in out

    def test_sync_tells_a_server_what_it_missed_of_a_sweep_that_ended_without_it(
        self, tmp_path: Path, tracking: Tracking, always_there: dict[str, object]
    ) -> None:
        run = start(tmp_path, "--inline", "--set", f"tracking.uri={tracking.uri}", *LONG)
        wait_for(tmp_path / "runs/sweeps/toy/trials/0000/checkpoints/epoch-0002/state.json", run)
        tracking.kill()
        out = ended(run)
        folder = tmp_path / "runs/sweeps/toy"
        assert (
            f"nothing is lost, and `python -m sweepkit sync {folder}` uploads the rest when it is reachable again"
            in out
        )
        assert list(folder.glob("trials/*/spool/*.json"))
        refused = sweepkit(tmp_path, "sync", str(folder), code=2)
        assert "cannot be reached: connection refused; nothing is lost" in refused.stderr
        tracking.start()
        sweepkit(tmp_path, "sync", str(folder))
        assert tracking.told() == always_there
        assert not list(folder.glob("trials/*/spool/*.json"))
        again = facts(sweepkit(tmp_path, "sync", str(TOY), "--json", "--set", f"tracking.uri={tracking.uri}"))
        assert {count for count in again["sweeps"][0]["told"].values() if count != []} == {0}
        assert tracking.told() == always_there
