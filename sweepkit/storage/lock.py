"""One driver per sweep: it writes its name into a file of the sweep's folder and refreshes the file while it runs.

The lock of a driver that was killed is taken over, see `owner.LockOwner.is_alive`. Try
`with DriverLock("run", where="cells.yaml") as lock: lock.take(SweepFolder(storage, "cells"))`.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from types import TracebackType

from sweepkit.errors import InputError, StorageFault
from sweepkit.storage.owner import LockOwner
from sweepkit.storage.sweep_folder import SweepFolder

logger = logging.getLogger(__name__)

HEARTBEAT_S = 15.0
# of two drivers that write a bucket's lock at once, both read it after this time, and the last writer has it
_SETTLE_S = 2.0


class DriverLock:
    """What a driver holds while it runs a sweep; a context manager that releases it at the end, also after an error.

    Args:
        command: what the driver does, for the message to another driver.
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
        self._ended = threading.Event()
        self._heart = threading.Thread(target=self._keep_beating, name="sweepkit-lock", daemon=True)
        self._lost: str | None = None

    def __enter__(self) -> DriverLock:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._folder is None:
            return
        self._ended.set()
        self._heart.join()  # or it could write the file again after it is deleted
        other = read_owner(self._folder)
        if other and other.token == self._owner.token:
            try:
                self._folder.storage.delete(self._folder.paths.lock)
            except StorageFault as fault:  # harmless: the next driver takes over the lock of a dead one
                logger.warning("the lock of the sweep could not be deleted: %s", fault)

    def take(self, folder: SweepFolder) -> None:
        """Become the one driver of a sweep, in place of a dead one if there is one.

        Raises:
            InputError: another driver runs the sweep; names it, since when it runs, and what to do.
        """
        with _one_at_a_time(folder):
            self._take(folder)
        self._folder = folder
        self._heart.start()

    def lost(self) -> str | None:
        """Return why this driver must stop: another one has taken over; None while it may continue."""
        return self._lost

    def heartbeat(self) -> None:
        """Write that this driver still runs the sweep, unless another one has taken over."""
        assert self._folder is not None, "there is nothing to refresh before take()"
        other = read_owner(self._folder)
        if other and other.token != self._owner.token:
            self._lost = f"another driver has taken over: {other.describe(now=self._clock())}"
        else:
            content = _content(replace(self._owner, seen=self._clock()))
            self._folder.storage.write(self._folder.paths.lock, content)

    def _take(self, folder: SweepFolder) -> None:
        storage, name = folder.storage, folder.paths.lock
        while not (storage.create(name, _content(self._owner)) and self._stays(folder)):
            other = read_owner(folder)
            if other is None:
                continue  # released in between
            if other.is_alive(now=self._clock()):
                raise InputError(_refusal(folder, other, self._clock()), where=self._where)
            taken = storage.take(name)
            if taken and json.loads(taken)["token"] != other.token:
                storage.create(name, taken)  # not the dead driver's any more: a faster one has the lock, give it back
            elif taken:
                logger.warning("taking over from %s, which is dead", other.describe(now=self._clock()))

    def _stays(self, folder: SweepFolder) -> bool:
        """Return whether the lock just written is still this driver's; in a bucket the last writer has it."""
        if folder.local is not None:
            return True
        self._sleep(_SETTLE_S)
        owner = read_owner(folder)
        return owner is not None and owner.token == self._owner.token

    def _keep_beating(self) -> None:
        while self._lost is None and not self._ended.wait(HEARTBEAT_S):
            try:
                self.heartbeat()
            except (OSError, InputError, StorageFault) as error:  # retried at the next heartbeat
                logger.warning("the lock of the sweep could not be refreshed: %s", error)


def check_free(folder: SweepFolder, *, where: str, now: float) -> None:
    """Raise what `DriverLock.take` would raise, without taking the lock.

    Raises:
        InputError: a driver runs the sweep; names it, since when it runs, and what to do.
    """
    other = read_owner(folder)
    if other and other.is_alive(now=now):
        raise InputError(_refusal(folder, other, now), where=where)


def read_owner(folder: SweepFolder) -> LockOwner | None:
    """Return the owner of a sweep's lock; None when there is no lock.

    Raises:
        InputError: the file is not a lock.
    """
    try:
        return LockOwner.from_json(folder.storage.read_json(folder.paths.lock))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError, AttributeError):
        reason = "this file must name the driver of the sweep, and cannot be read; delete it if no driver runs"
        raise InputError(reason, where=folder.shown(folder.paths.lock)) from None


@contextlib.contextmanager
def _one_at_a_time(folder: SweepFolder) -> Iterator[None]:
    """Keep other drivers of this machine out of the block: of several that meet a dead one, one shall take over.

    Where the file system does not support such locks, or in a bucket, the newest driver has the lock, and the others
    stop at their next heartbeat.
    """
    if folder.local is None or not folder.local.is_dir():  # a sweep without a folder has no dead driver
        yield
        return
    # of the folder, since each heartbeat replaces `running.json`, and a lock would stay with the old file
    descriptor = os.open(folder.local, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _content(owner: LockOwner) -> bytes:
    return (json.dumps(owner.to_json(), indent=1) + "\n").encode()


def _refusal(folder: SweepFolder, other: LockOwner, now: float) -> str:
    # a final stage belongs to its sweep, so a new sweep would not help
    beside = ", or add --new to run another beside it" if other.command == "run" else ""
    return (
        f"sweep {folder.sweep!r} is already running: {other.describe(now=now)}; wait for its end or stop it with "
        f"Ctrl-C or `kill {other.pid}` on {other.host}{beside}; only if that process is certainly gone, delete "
        f"{folder.shown(folder.paths.lock)}"
    )
