"""The journal as a local file, repaired before anything is appended to it.

A kill or a full disk may cut its last line short. Reading such a journal does no harm, since Optuna skips an unfinished
last line. Appending does: the new record would continue the old line, be lost with it, and make the journal unreadable
from the next record on. Try `with open_journal(folder) as journal: repair_journal(journal)`.
"""

from __future__ import annotations

import contextlib
import functools
import json
import logging
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from sweepkit.errors import StorageFault
from sweepkit.storage.storage import Storage
from sweepkit.storage.sweep_folder import SweepFolder

logger = logging.getLogger(__name__)

# an append holds its lock for milliseconds
_STALE_S = 10.0
# what a kill may lose of a journal in a bucket, against the cost of uploading the whole file again
_WRITE_BACK_S = 15.0


@contextlib.contextmanager
def open_journal(folder: SweepFolder, *, read_only: bool = False, every_s: float = _WRITE_BACK_S) -> Iterator[Path]:
    """Provide the journal as a local file: the file itself in a folder, a copy of it from a bucket.

    A copy is written back at the end and, since a driver may be killed, every `every_s` seconds if it has grown.
    """
    storage, name = folder.storage, folder.paths.journal
    if storage.local is not None:
        yield storage.path(name)
        return
    with tempfile.TemporaryDirectory(prefix="sweepkit-journal-") as scratch:
        # Optuna appends to a file and locks it; objects in a bucket can do neither
        local = Path(scratch) / "journal.log"
        n_stored = local.write_bytes(storage.read(name)) if storage.exists(name) else 0
        if read_only:
            yield local
            return
        ended = threading.Event()
        # the stored size is taken here: the thread may start only when the journal has grown already
        write_back = functools.partial(_write_back, local, storage, name, n_stored)
        copying = threading.Thread(target=write_back, args=(every_s, ended), daemon=True)
        copying.start()
        try:
            yield local
        finally:
            ended.set()
            copying.join()  # or an older copy could be stored after the last one
            if local.exists():
                storage.write(name, local.read_bytes())


def repair_journal(journal: Path) -> None:
    """Cut off a last line that is not a whole record, and keep its bytes in `torn_file` for inspection.

    A last record that lacks only its line break gets one. No other process may be writing.
    """
    _drop_stale_lock(journal)
    content = journal.read_bytes() if journal.exists() else b""
    start = content.rfind(b"\n", 0, -1) + 1
    last = content[start:]
    if not last:
        return
    # any JSON but an object is a fragment too: `17` may be the end of a longer line
    if not _is_record(last):
        _cut(journal, start, last)
    elif not last.endswith(b"\n"):
        with journal.open("ab") as file:
            file.write(b"\n")


def torn_file(journal: Path) -> Path:
    """Return where the bytes that were cut off are kept."""
    return journal.with_name(f"{journal.name}.torn")


def _write_back(
    local: Path, storage: Storage, name: str, n_stored: int, every_s: float, ended: threading.Event
) -> None:
    """Write a growing file back every `every_s` seconds; one cut short in a line is repaired when opened."""
    while not ended.wait(every_s):
        content = local.read_bytes() if local.exists() else b""
        if len(content) == n_stored:
            continue
        try:
            storage.write(name, content)
            n_stored = len(content)
        except (StorageFault, OSError) as error:  # retried at the end, where it is an error
            logger.warning("the journal could not be copied to the bucket: %s", error)


def _drop_stale_lock(journal: Path) -> None:
    """Remove the lock of a writer that was killed; Optuna itself removes it only after waiting for half a minute."""
    lock = journal.with_name(f"{journal.name}.lock")
    with contextlib.suppress(FileNotFoundError):
        # of the link itself: Optuna's lock is a symbolic link to the journal
        if time.time() - lock.lstat().st_mtime > _STALE_S:
            lock.unlink()


def _is_record(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def _cut(journal: Path, start: int, last: bytes) -> None:
    torn = torn_file(journal)
    # first, so that a kill between the two loses nothing; appended, since a sweep may be killed more than once
    with torn.open("ab") as file:
        file.write(last.rstrip(b"\n") + b"\n")
    with journal.open("r+b") as file:
        file.truncate(start)
        os.fsync(file.fileno())
    logger.warning(
        "the last line of the journal was half-written; its %d bytes were moved to %s, everything before it is kept",
        len(last),
        torn,
    )
