"""Commands that train in their own process, without the six seconds that importing TensorFlow takes: processes forked
off one that has imported it.

Each still is a process of its own, with its own folder, environment and streams, which imports sweepkit afresh. Not for
runs on Ray, whose driver must do without TensorFlow. Try `run(folder, {}, "run", "toy.yaml", "--inline")`.
"""

from __future__ import annotations

import functools
import multiprocessing
import os
import runpy
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from multiprocessing.context import ForkServerContext
from pathlib import Path


def run(folder: Path, environment: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `python -m sweepkit` with these arguments in a folder, to its end."""
    with tempfile.TemporaryDirectory() as streams:
        out, err = Path(streams, "stdout"), Path(streams, "stderr")
        code = Forked(folder, environment, *arguments, out=out, err=err).wait()
        return subprocess.CompletedProcess(arguments, code, out.read_text(), err.read_text())


class Forked:
    """A command under way, to be waited for or killed as a `subprocess.Popen` is; its output is appended to files."""

    def __init__(self, folder: Path, environment: Mapping[str, str], *arguments: str, out: Path, err: Path) -> None:
        self.args = arguments
        self._process = _server().Process(target=_main, args=(folder, dict(environment), arguments, out, err))
        self._process.start()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0.0)
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def kill(self) -> None:
        if self.poll() is None:
            self._process.kill()


@functools.cache
def _server() -> ForkServerContext:
    """What forks; it starts with the first process and ends with this one."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tensorflow", "keras"])
    return context


def _main(folder: Path, environment: dict[str, str], arguments: tuple[str, ...], out: Path, err: Path) -> None:
    """Become what `python -m sweepkit` would be, as far as a running Python can."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    for stream, path in ((1, out), (2, err)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND), stream)
    # the path came from pytest, which has put folders of tests in front of Python's own
    own = [path for path in sys.path if path.startswith((sys.prefix, sys.base_prefix))]
    sys.path[:] = [str(folder), *environment["PYTHONPATH"].split(os.pathsep), *own]
    sys.argv = ["sweepkit", *arguments]
    runpy.run_module("sweepkit", run_name="__main__", alter_sys=True)
