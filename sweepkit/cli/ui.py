"""`sweepkit ui`: MLflow's pages on the store that a sweep was written to."""

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
from pathlib import Path
from typing import IO

import click

from sweepkit.cli.options import sweep_options
from sweepkit.errors import InputError, SweepError
from sweepkit.formatting import near

_HOST = "127.0.0.1"  # the pages can delete runs and ask nobody for a password
_START_S, _END_S, _POLL_S = 120.0, 10.0, 0.1
_LOG_LINES = 5
_ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_VIEW = "?workflowType=machine_learning"  # without it a new browser starts with pages on language models
# one process is enough for one reader; MLflow's background jobs are for applications of language models
_WORKERS = "1"
_ENVIRONMENT = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}


@click.command()
@sweep_options
@click.option("--port", type=click.IntRange(1, 65535), default=5000, show_default=True, help="Where to listen.")
@click.option("--no-browser", is_flag=True, help="Only print the address.")
@click.option("--tracking-uri", metavar="URI", help="The MLflow store, where the sweep's file does not say which.")
def command(
    target: Path, sets: tuple[str, ...], data: str | None, port: int, no_browser: bool, tracking_uri: str | None
) -> None:
    """Open MLflow's pages on the store that a sweep was written to, until Ctrl-C.

    SWEEP is its YAML or its folder. The sweep may be running. Where the store is a server, its own pages are opened.
    """
    uri, run_id = _tracked(target, sets, data, tracking_uri)
    from sweepkit.tracking.uris import exists, shown

    if uri.startswith(("http://", "https://")):
        _open(shown(uri).rstrip("/"), _experiment(uri, run_id), run_id, no_browser)
        return
    if not exists(uri):
        raise InputError(
            f"there is no tracking store {shown(uri)!r}; call this where the sweep was run, or name the store with "
            "--tracking-uri"
        )
    _check_free(port)
    with _stopped_by_signals(), _serving(uri, port) as server:
        experiment = _experiment(uri, run_id)  # while the server starts
        server.wait_until_up()
        _open(f"http://{_HOST}:{port}", experiment, run_id, no_browser)
        click.echo(f"showing {near(shown(uri))}; Ctrl-C ends it")
        server.wait()


def _tracked(target: Path, sets: tuple[str, ...], data: str | None, tracking_uri: str | None) -> tuple[str, str]:
    """Return the store of a sweep and the sweep's run in it."""
    from sweepkit.results.sweep import load_sweep  # not at the top: it imports Optuna
    from sweepkit.tracking.uris import located

    sweep = load_sweep(target, sets, data)
    run_id = sweep.manifest.parent_run_id
    if run_id is None:
        raise InputError(
            "this sweep was not written to MLflow; run it with tracking.enabled: true, or see "
            f"`python -m sweepkit report {near(str(target))}`",
            where=str(target),
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
        what = "cannot be reached" if isinstance(error, UnreachableError) else "does not have the sweep's run"
        raise InputError(
            f"tracking store {shown(uri)!r} {what}: {error}; call this where the sweep was run, or name the store with "
            "--tracking-uri"
        ) from error


def _open(root: str, experiment: str, run_id: str, no_browser: bool) -> None:
    runs = f"{root}/#/experiments/{experiment}/runs"
    click.echo(f"all trials:      {runs}{_VIEW}")
    click.echo(f"the sweep's run: {runs}/{run_id}{_VIEW}")
    if not no_browser:
        webbrowser.open(f"{runs}{_VIEW}")


def _check_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a server that has just ended blocks nobody
        try:
            probe.bind((_HOST, port))
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise InputError(f"port {port} cannot be used: {reason}; name another one with --port") from None


class _Server:
    """`mlflow ui` while it runs, in a process group of its own, so that its workers end with it."""

    def __init__(self, uri: str, port: int, log: IO[bytes]) -> None:
        self._address, self._log = f"http://{_HOST}:{port}", log
        # the URI goes through the environment: a command line is there for everyone to see, passwords included
        environment = {**os.environ, **_ENVIRONMENT, "MLFLOW_BACKEND_STORE_URI": uri}
        arguments = ["-m", "mlflow", "ui", "--host", _HOST, "--port", str(port), "--workers", _WORKERS]
        self._process = subprocess.Popen(
            [sys.executable, *arguments], env=environment, stdout=log, stderr=log, start_new_session=True
        )

    def wait_until_up(self) -> None:
        # a proxy of the environment is for other machines
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        deadline = time.monotonic() + _START_S
        while self._process.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(OSError), opener.open(f"{self._address}/health", timeout=_POLL_S * 50):
                return
            time.sleep(_POLL_S)
        raise self._failed("did not start")

    def wait(self) -> None:
        """Wait for its end, which nobody but the user should bring about."""
        self._process.wait()
        raise self._failed("ended")

    def stop(self) -> None:
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):  # all have ended
                os.killpg(self._process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_END_S)

    def _failed(self, what: str) -> SweepError:
        self._log.seek(0)
        lines = [line for line in self._log.read().decode(errors="replace").splitlines() if line.strip()]
        return SweepError("\n".join([f"`mlflow ui` {what}; its last lines:", *lines[-_LOG_LINES:]]))


@contextlib.contextmanager
def _serving(uri: str, port: int) -> Iterator[_Server]:
    """Run `mlflow ui`; Ctrl-C leaves the block quietly."""
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
    """Let a closed terminal and a plain `kill` end the block as Ctrl-C does, so that nothing stays behind.

    Ctrl-C too, which a script that was started in the background ignores, and hands that on.
    """
    before = {number: signal.signal(number, signal.default_int_handler) for number in _ENDINGS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
