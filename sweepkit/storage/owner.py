"""The owner of a sweep's lock: which process runs a sweep, and whether it is alive.

On its own machine the process itself is looked up; from elsewhere an owner counts as alive while its heartbeats are
recent. Try `LockOwner.here("run", time.time()).is_alive(now=time.time())`.
"""

from __future__ import annotations

import getpass
import os
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from sweepkit import provenance

STALE_S = 90.0  # several heartbeats: one may be late on a machine that is short of memory
_COMMAND_KEY = "doing"  # of `command` in the file
# start times are computed from the time of the boot, which moves a little when the clock is corrected
_SAME_START_S = 2.0
_BOOT = Path("/proc/sys/kernel/random/boot_id")
_PIDS = Path("/proc/self/ns/pid")


@dataclass(frozen=True, slots=True)
class LockOwner:
    """A process that runs a sweep.

    Attributes:
        token: random, so that each lock that is taken is another one.
        user: the process's user.
        host: its machine's name.
        place: where process ids have the same meaning: a machine since its last boot, or a container on it.
        pid: its process id.
        process_started: when the process started, in seconds since 1970; pids are reused later.
        command: run or final.
        since: when it took the lock, in seconds since 1970.
        seen: its last heartbeat, in seconds since 1970.
    """

    token: str
    user: str
    host: str
    place: str
    pid: int
    process_started: float
    command: str
    since: float
    seen: float

    @classmethod
    def here(cls, command: str, now: float) -> LockOwner:
        """Describe this process."""
        return cls(
            token=uuid.uuid4().hex,
            user=_user(),
            host=provenance.host(),
            place=_place(),
            pid=os.getpid(),
            process_started=psutil.Process().create_time(),
            command=command,
            since=now,
            seen=now,
        )

    def is_alive(self, *, now: float) -> bool:
        """Return whether the process may still be running the sweep."""
        is_recent = now - self.seen < STALE_S
        if self.place != _place():
            return is_recent
        started = _started(self.pid)
        if started is None:
            return False
        # a clock that is set shifts the start times of all processes, and a living one must not look like another
        return abs(started - self.process_started) < _SAME_START_S or is_recent

    def describe(self, *, now: float) -> str:
        """Return who it is: `python -m sweepkit run` of ada on box, process 4711, since 2026-01-02 03:04:05 UTC …"""
        since = datetime.fromtimestamp(self.since, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        return (
            f"`python -m sweepkit {self.command}` of {self.user} on host {self.host}, process {self.pid}, "
            f"since {since} (last seen {max(now - self.seen, 0):.0f} s ago)"
        )

    def to_json(self) -> dict[str, Any]:  # a JSON object has no narrower type
        return {_COMMAND_KEY if name == "command" else name: value for name, value in asdict(self).items()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> LockOwner:  # JSON as read
        """Rebuild what `to_json` returned; TypeError or KeyError if it is something else."""
        rest = {name: value for name, value in data.items() if name != _COMMAND_KEY}
        return cls(**rest, command=data[_COMMAND_KEY])


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return f"user {os.getuid()}"


def _place() -> str:
    """Return an id of where pids have the same meaning: this machine since its boot, and this container on it."""
    boot = _BOOT.read_text().strip() if _BOOT.exists() else f"{provenance.host()} {psutil.boot_time():.0f}"
    return f"{boot} {os.readlink(_PIDS)}" if _PIDS.exists() else boot  # noqa: PTH115  # the link leads to no path


def _started(pid: int) -> float | None:
    """Return when a process of this machine started, in seconds since 1970; None if there is no such process."""
    try:
        process = psutil.Process(pid)
        # a killed process whose parent has not waited for it keeps its pid, but runs no more
        return None if process.status() == psutil.STATUS_ZOMBIE else float(process.create_time())
    except psutil.NoSuchProcess:
        return None
