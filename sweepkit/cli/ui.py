"""`sweepkit ui`: open MLflow's pages on the tracking store of a sweep."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import webbrowser
from collections.abc import Iterator
from typing import IO

import click

from sweepkit.cli.options import SweepTarget, sweep_options
from sweepkit.errors import InputError, SweepError
from sweepkit.formatting import near

_HOST = "127.0.0.1"  # this machine only: the pages can delete runs and require no password
_START_S, _END_S, _POLL_S = 120.0, 10.0, 0.1
_LOG_LINES = 5
_ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_VIEW = "?workflowType=machine_learning"  # without it a new browser opens pages for language models
# one process is enough for one reader; MLflow's background jobs are for applications of language models
_WORKERS = "1"
_ENVIRONMENT = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}


@click.command()
@sweep_options
@click.option(
    "--port", metavar="PORT", type=click.IntRange(1, 65535), default=5000, show_default=True, help="Port to listen on."
)
@click.option("--no-browser", is_flag=True, help="Print the addresses without opening a browser.")
@click.option("--tracking-uri", metavar="URI", help="MLflow store, if it is not the one in the YAML.")
def command(target: SweepTarget, port: int, no_browser: bool, tracking_uri: str | None) -> None:
    """Open MLflow's pages on the tracking store of a sweep, until Ctrl-C.

    SWEEP is a sweep's YAML or folder. The sweep may be running. If the store is a server, the server's own pages are
    opened.
    """
    from sweepkit.tracking.uris import exists, shown

    uri, run_id = _store_and_run(target, tracking_uri)

    if uri.startswith(("http://", "https://")):
        _open(shown(uri).rstrip("/"), _experiment(uri, run_id), run_id, no_browser)
        return
    if not exists(uri):
        raise InputError(
            f"there is no tracking store {shown(uri)!r}; run this command in the folder where the sweep was run, "
            "or name the store with --tracking-uri"
        )
    _check_free(port)
    with _stopped_by_signals(), _serving(uri, port) as server:
        experiment = _experiment(uri, run_id)  # while the server starts
        server.wait_until_up()
        _open(f"http://{_HOST}:{port}", experiment, run_id, no_browser)
        click.echo(f"showing {near(shown(uri))}; Ctrl-C ends it")
        server.wait()


def _store_and_run(target: SweepTarget, tracking_uri: str | None) -> tuple[str, str]:
    """Return the tracking store of a sweep and the sweep's run in it."""
    from sweepkit.tracking.uris import located

    sweep = target.sweep()
    run_id = sweep.manifest.parent_run_id
    if run_id is None:
        raise InputError(
            "this sweep was not logged to MLflow; run it with tracking.enabled: true, or see "
            f"`python -m sweepkit report {near(str(target.path))}`",
            where=str(target.path),
        )
    return located(tracking_uri or sweep.config.tracking.uri), run_id


def _experiment(uri: str, run_id: str) -> str:
    """Return the id of the sweep's experiment."""
    from sweepkit.tracking.connect import connect
    from sweepkit.tracking.errors import StoreError, UnreachableError
    from sweepkit.tracking.uris import shown

    try:
        return connect(uri).experiment_of(run_id)
    except StoreError as error:
        state = "is unreachable" if isinstance(error, UnreachableError) else "does not have the sweep's run"
        raise InputError(
            f"tracking store {shown(uri)!r} {state}: {error}; run this command in the folder where the sweep was run, "
            "or name the store with --tracking-uri"
        ) from error


def _open(root: str, experiment: str, run_id: str, no_browser: bool) -> None:
    runs = f"{root}/#/experiments/{experiment}/runs"
    click.echo(f"all trials:      {runs}{_VIEW}")
    click.echo(f"the sweep's run: {runs}/{run_id}{_VIEW}")
    if not no_browser:
        webbrowser.open(f"{runs}{_VIEW}")


def _check_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # the port of a server that has just ended is free
        try:
            probe.bind((_HOST, port))
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise InputError(f"port {port} cannot be used: {reason}; choose another one with --port") from None


class _Server:
    """`mlflow ui` while it runs, in its own process group, so that its workers end with it."""

    def __init__(self, uri: str, port: int, log: IO[bytes]) -> None:
        self._address, self._log = f"http://{_HOST}:{port}", log
        # the URI is passed in the environment: other users can read a command line, passwords included
        environment = {**os.environ, **_ENVIRONMENT, "MLFLOW_BACKEND_STORE_URI": uri}
        arguments = ["-m", "mlflow", "ui", "--host", _HOST, "--port", str(port), "--workers", _WORKERS]
        self._process = subprocess.Popen(
            [sys.executable, *arguments], env=environment, stdout=log, stderr=log, start_new_session=True
        )

    def wait_until_up(self) -> None:
        # a proxy in the environment is for other machines
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        deadline = time.monotonic() + _START_S
        while self._process.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(OSError), opener.open(f"{self._address}/health", timeout=_POLL_S * 50):
                return
            time.sleep(_POLL_S)
        raise self._failed("did not start")

    def wait(self) -> None:
        """Wait until the server ends, which is an error: the user ends it with Ctrl-C."""
        self._process.wait()
        raise self._failed("ended")

    def stop(self) -> None:
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):  # all processes of the group have ended
                os.killpg(self._process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_END_S)

    def _failed(self, event: str) -> SweepError:
        self._log.seek(0)
        lines = [line for line in self._log.read().decode(errors="replace").splitlines() if line.strip()]
        return SweepError("\n".join([f"`mlflow ui` {event}; its last lines:", *lines[-_LOG_LINES:]]))


@contextlib.contextmanager
def _serving(uri: str, port: int) -> Iterator[_Server]:
    """Run `mlflow ui`; Ctrl-C ends the block without a message."""
    with tempfile.TemporaryFile() as log:
        server = _Server(uri, port, log)
        try:
            yield server
        except KeyboardInterrupt:
            click.echo()
        finally:
            server.stop()


@contextlib.contextmanager
def _stopped_by_signals() -> Iterator[None]:
    """Let a closed terminal and a plain `kill` end the block as Ctrl-C does, so that no process stays behind.

    Ctrl-C is set too: a shell starts background jobs with Ctrl-C ignored, and child processes inherit that.
    """
    before = {number: signal.signal(number, signal.default_int_handler) for number in _ENDINGS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
