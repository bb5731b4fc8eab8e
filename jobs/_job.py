"""Run a command of sweepkit as a batch job; shared by the jobs beside this file.

A job runs from a checkout without being installed, uses the Ray cluster that RAY_ADDRESS names, flushes its output
after each line, and ends with the command's exit code: 0 done, 2 wrong input, 3 no result, 130 interrupted. SIGTERM
from a scheduler (a time limit, a preemption) ends it like Ctrl-C, so the same job resumes where it stopped.
"""

from __future__ import annotations

import io
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from sweepkit import cli  # a job runs without being installed


def main(verb: str, *, on_ray: bool = False) -> None:
    """Run a command with the arguments of this process, and exit; `on_ray` for one that takes --address."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(line_buffering=True)
    signal.signal(signal.SIGTERM, interrupt)
    cli.main([verb, *(with_address(sys.argv[1:], os.environ) if on_ray else sys.argv[1:])])


def with_address(arguments: Sequence[str], environment: Mapping[str, str]) -> list[str]:
    """Add --address with the cluster of RAY_ADDRESS, unless the arguments choose where to run."""
    address = environment.get("RAY_ADDRESS")
    if not address or any(one == "--inline" or one.startswith("--address") for one in arguments):
        return [*arguments]
    return [*arguments, "--address", address]


def interrupt(number: int, frame: FrameType | None) -> None:  # noqa: ARG001  # what signal.signal calls
    """Treat SIGTERM like Ctrl-C, and ignore another one, which must not cut the shutdown short."""
    signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt
