"""Real servers for tests: processes of their own on free ports of this machine, ended with all that they started."""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.support.waiting import wait_until

ROOT = Path(__file__).parents[2]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def environment(**more: str) -> dict[str, str]:
    """This process' environment without anybody's MLflow settings, with this Python's programs and these sources."""
    mine = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    return mine | {"PATH": programs, "PYTHONPATH": str(ROOT)} | quiet | more


def is_group_empty(group: int) -> bool:
    """Tell whether no process of a group is left; one that has ended and that nobody has asked for counts as gone."""
    found = subprocess.run(["ps", "-eo", "pgid=,stat="], capture_output=True, text=True, check=True)
    rows = [line.split() for line in found.stdout.splitlines()]
    return not any(int(pgid) == group and not state.startswith("Z") for pgid, state in rows)


@contextlib.contextmanager
def mlflow(folder: Path, arguments: Sequence[str], *, answers: str, **more: str) -> Iterator[str]:
    """Run `mlflow <arguments>` until the block ends, and give its address once the path `answers` does."""
    port = free_port()
    command = [sys.executable, "-m", "mlflow", *arguments, "--host", "127.0.0.1", "--port", str(port)]
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=folder, env=environment(**more), stdout=log, stderr=log, start_new_session=True
        )
        try:
            wait_for(f"http://127.0.0.1:{port}{answers}", process, folder / "server.log")
            yield f"http://127.0.0.1:{port}"
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@functools.cache
def _empty_store() -> bytes:
    """An SQLite file that MLflow has laid out, which takes it seconds."""
    from sweepkit.tracking.connect import connect

    with tempfile.TemporaryDirectory() as folder:
        connect(f"sqlite:///{folder}/mlflow.db").experiment("Default")
        return Path(folder, "mlflow.db").read_bytes()


def new_store(folder: Path) -> str:
    """Make an SQLite store of its own in a folder, and give its address."""
    (folder / "mlflow.db").write_bytes(_empty_store())
    return f"sqlite:///{folder}/mlflow.db"


@contextlib.contextmanager
def tracking(folder: Path) -> Iterator[str]:
    """Run a tracking server with a store and artifacts of its own in a folder, and give its address."""
    store = ["--backend-store-uri", new_store(folder), "--artifacts-destination", str(folder / "files")]
    with mlflow(folder, ["server", "--workers", "1", *store], answers="/health") as address:
        yield address


def wait_for(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    def answers() -> bool:
        with contextlib.suppress(OSError), urllib.request.urlopen(address, timeout=5):
            return True
        return False

    wait_until(answers, f"an answer of {address}", process=process, output=log.read_text, interval_s=0.1)


def new_run(address: str, experiment: str = "cells") -> str:
    """Make a run in a store and return its id."""
    from sweepkit.tracking.connect import connect

    store = connect(address)
    return store.create_run(store.experiment(experiment), name="cells", tags={})


class Server:
    """MLflow's own server application, on a port of 127.0.0.1 that stays the same."""

    def __init__(self, app: object) -> None:
        self._app, self._port = app, 0
        self.start()

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        from werkzeug.serving import make_server

        self._server = make_server("127.0.0.1", self._port, self._app, threaded=True)
        self._port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
