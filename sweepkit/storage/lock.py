"""One driver at a time: who runs a sweep says so in a file of the sweep's folder, and refreshes it while it runs.

A driver that was killed is never in the way: on its own machine its process is asked for, and from anywhere else its
file counts only while it is refreshed. Try `with DriverLock("run", where="cells.yaml") as lock:` and
`lock.take(SweepFolder(storage, "cells"))`.
"""

from __future__ import annotations

import contextlib
import fcntl
import getpass
import json
import logging
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

import psutil

from sweepkit import provenance
from sweepkit.errors import InputError, StorageFault
from sweepkit.storage.sweep_folder import SweepFolder

logger = logging.getLogger(__name__)

BEAT_S = 15.0
STALE_S = 90.0  # several beats: a machine that is short of memory may be late with one
_COMMAND_KEY = "doing"  # as the file spells `command`
_SETTLE_S = 2.0  # after this long, whoever wrote to a bucket last stays
_SAME_START_S = 2.0
_BOOT = Path("/proc/sys/kernel/random/boot_id")
_PIDS = Path("/proc/self/ns/pid")


@dataclass(frozen=True, slots=True)
class LockOwner:
    """Who runs a sweep.

    Attributes:
        token: of this one time.
        user: whose process it is.
        host: its machine's name.
        place: where process ids mean the same: a machine since it was started, or a container of it.
        pid: its process.
        process_started: when that was, in seconds since 1970; a pid is given to others later.
        command: what it does: run or final.
        since: when it began, in seconds since 1970.
        seen: when it last said that it runs.
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
        """Tell whether it may still be at it."""
        is_seen = now - self.seen < STALE_S
        if self.place != _place():
            return is_seen
        started = _started(self.pid)
        if started is None:
            return False
        # a clock that is set moves the starts of all processes, and must not make a living one look like another
        return abs(started - self.process_started) < _SAME_START_S or is_seen

    def describe(self, *, now: float) -> str:
        """Say who it is: `python -m sweepkit run` of ada on box, process 4711, since 2026-01-02 03:04:05 UTC …"""
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


class DriverLock:
    """What a driver holds while it runs a sweep; a context manager that lets go of it at the end, whatever comes.

    Args:
        command: what the driver does, for whoever is refused meanwhile.
        where: what the user named, for messages.
        clock: seconds since 1970.
        sleep: waits so many seconds.
    """

    def __init__(
        self,
        command: str,
        *,
        where: str,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._where, self._clock, self._sleep = where, clock, sleep
        self._owner = LockOwner.here(command, clock())
        self._folder: SweepFolder | None = None
        self._over = threading.Event()
        self._beating = threading.Thread(target=self._beat, name="sweepkit-lock", daemon=True)
        self._lost: str | None = None

    def __enter__(self) -> DriverLock:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._folder is None:
            return
        self._over.set()
        self._beating.join()
        other = read_owner(self._folder)
        if other and other.token == self._owner.token:
            try:
                self._folder.storage.delete(self._folder.paths.lock)
            except StorageFault as fault:  # no harm: a dead driver's lock is in nobody's way
                logger.warning("the lock of the sweep stays where it is: %s", fault)

    def take(self, folder: SweepFolder) -> None:
        """Become the one driver of a sweep, in place of a dead one if need be.

        Raises:
            InputError: another driver is at it; says who, since when and what to do.
        """
        with _one_at_a_time(folder):
            self._take(folder)
        self._folder = folder
        self._beating.start()

    def _take(self, folder: SweepFolder) -> None:
        storage, name = folder.storage, folder.paths.lock
        while not (storage.create(name, _content(self._owner)) and self._stays(folder)):
            other = read_owner(folder)
            if other is None:
                continue  # it was released in between
            if other.is_alive(now=self._clock()):
                raise InputError(_refusal(folder, other, self._clock()), where=self._where)
            taken = storage.take(name)
            if taken and json.loads(taken)["token"] != other.token:
                storage.create(name, taken)  # somebody else was faster and holds it: there it is again
            elif taken:
                logger.warning("taking over from %s, which is dead", other.describe(now=self._clock()))

    def lost(self) -> str | None:
        """Say why this driver must stop: another one has taken over; None while it may go on."""
        return self._lost

    def heartbeat(self) -> None:
        """Say that this driver still runs the sweep, or find that another one does."""
        assert self._folder is not None, "there is nothing to refresh before take()"
        other = read_owner(self._folder)
        if other and other.token != self._owner.token:
            self._lost = f"another driver has taken over: {other.describe(now=self._clock())}"
        else:
            content = _content(replace(self._owner, seen=self._clock()))
            self._folder.storage.write(self._folder.paths.lock, content)

    def _beat(self) -> None:
        while self._lost is None and not self._over.wait(BEAT_S):
            try:
                self.heartbeat()
            except (OSError, InputError, StorageFault) as error:  # the next beat is the next attempt
                logger.warning("the lock of the sweep could not be refreshed: %s", error)

    def _stays(self, folder: SweepFolder) -> bool:
        """Tell whether what was just written is still there; in a folder it is, in a bucket the last writer wins."""
        if folder.local is not None:
            return True
        self._sleep(_SETTLE_S)
        owner = read_owner(folder)
        return owner is not None and owner.token == self._owner.token


@contextlib.contextmanager
def _one_at_a_time(folder: SweepFolder) -> Iterator[None]:
    """Keep other drivers of this machine out of the block: of several that find a dead one, one shall take over.

    Where the file system knows no such locks, or in a bucket, the newest driver wins, and the others stop at their next
    beat.
    """
    if folder.local is None or not folder.local.is_dir():  # where no folder is, nobody died
        yield
        return
    descriptor = os.open(folder.local, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def check_free(folder: SweepFolder, *, where: str, now: float) -> None:
    """Raise what `DriverLock.take` would raise, without taking anything.

    Raises:
        InputError: a driver is at the sweep; says who, since when and what to do.
    """
    other = read_owner(folder)
    if other and other.is_alive(now=now):
        raise InputError(_refusal(folder, other, now), where=where)


def read_owner(folder: SweepFolder) -> LockOwner | None:
    """Return who holds a sweep's lock; None when nobody does.

    Raises:
        InputError: the file is no lock.
    """
    try:
        return LockOwner.from_json(folder.storage.read_json(folder.paths.lock))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError, AttributeError):
        what = "this file should say who runs the sweep, and cannot be read; delete it if nobody does"
        raise InputError(what, where=folder.shown(folder.paths.lock)) from None


def _refusal(folder: SweepFolder, other: LockOwner, now: float) -> str:
    beside = ", or add --new to run another beside it" if other.command == "run" else ""
    return (
        f"sweep {folder.sweep!r} is being run already: {other.describe(now=now)}; wait for its end or stop it with "
        f"Ctrl-C or `kill -INT {other.pid}` on {other.host}{beside}; only if that process is certainly gone, delete "
        f"{folder.shown(folder.paths.lock)}"
    )


def _content(owner: LockOwner) -> bytes:
    return (json.dumps(owner.to_json(), indent=1) + "\n").encode()


def _started(pid: int) -> float | None:
    """Return when a process of this machine began, in seconds since 1970; None when there is none any more."""
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else float(process.create_time())
    except psutil.NoSuchProcess:
        return None


def _place() -> str:
    """Name what process ids belong to: this machine since its start, and within that this container."""
    boot = _BOOT.read_text().strip() if _BOOT.exists() else f"{provenance.host()} {psutil.boot_time():.0f}"
    return f"{boot} {os.readlink(_PIDS)}" if _PIDS.exists() else boot  # noqa: PTH115  # it points at no path


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user need not have a name
        return f"user {os.getuid()}"
