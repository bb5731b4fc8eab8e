"""A journal whose last line was cut short, by a kill or a full disk: mended before anything is appended to it.

Reading such a journal does no harm, since Optuna passes over an unfinished last line. Appending does: the new record
would continue the old line, be lost with it, and make the journal unreadable from the next record on.
Try `repair_journal(Path("runs/sweeps/cells/journal.log"))`.
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

_STALE_S = 10.0  # an append holds its lock for milliseconds
_WRITE_BACK_S = 15.0


@contextlib.contextmanager
def open_journal(folder: SweepFolder, *, read_only: bool = False, every_s: float = _WRITE_BACK_S) -> Iterator[Path]:
    """Give the journal as a local file: itself in a folder; of a bucket a copy, written back at the end.

    The copy is written back every `every_s` seconds too, if it has grown: a driver may be killed.
    """
    storage, name = folder.storage, folder.paths.journal
    if storage.local is not None:
        yield storage.path(name)
        return
    with tempfile.TemporaryDirectory(prefix="sweepkit-journal-") as scratch:
        local = Path(scratch) / "journal.log"
        n_stored = local.write_bytes(storage.read(name)) if storage.exists(name) else 0
        if read_only:
            yield local
            return
        ended = threading.Event()
        write_back = functools.partial(_write_back, local, storage, name, n_stored)
        copying = threading.Thread(target=write_back, args=(every_s, ended), daemon=True)
        copying.start()
        try:
            yield local
        finally:
            ended.set()
            copying.join()
            if local.exists():
                storage.write(name, local.read_bytes())


def _write_back(
    local: Path, storage: Storage, name: str, n_stored: int, every_s: float, ended: threading.Event
) -> None:
    """Write a growing file back now and then; a last line that is half-written by then is mended like any other."""
    while not ended.wait(every_s):
        content = local.read_bytes() if local.exists() else b""
        if len(content) == n_stored:
            continue
        try:
            storage.write(name, content)
            n_stored = len(content)
        except (StorageFault, OSError) as error:  # the end tries again, and says so if it can't
            logger.warning("the journal could not be copied to the bucket: %s", error)


def repair_journal(journal: Path) -> None:
    """Cut off a last line that is no whole record, and keep its bytes beside the journal for whoever wants to look.

    A last record that lacks only its line break gets it. Call it where nobody else is writing.
    """
    _drop_stale_lock(journal)
    content = journal.read_bytes() if journal.exists() else b""
    start = content.rfind(b"\n", 0, -1) + 1
    last = content[start:]
    if not last:
        return
    if not _is_record(last):
        _cut(journal, start, last)
    elif not last.endswith(b"\n"):
        with journal.open("ab") as file:
            file.write(b"\n")


def torn_file(journal: Path) -> Path:
    """Return where the bytes that were cut off are kept."""
    return journal.with_name(f"{journal.name}.torn")


def _is_record(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def _cut(journal: Path, start: int, last: bytes) -> None:
    torn = torn_file(journal)
    with torn.open("ab") as file:  # before it is gone from the journal
        file.write(last.rstrip(b"\n") + b"\n")
    with journal.open("r+b") as file:
        file.truncate(start)
        os.fsync(file.fileno())
    logger.warning(
        "the last line of the journal was half-written; its %d bytes were moved to %s, and all before it is kept",
        len(last),
        torn,
    )


def _drop_stale_lock(journal: Path) -> None:
    """Remove the lock of a writer that was killed; Optuna would wait for half a minute until it does that itself."""
    lock = journal.with_name(f"{journal.name}.lock")
    with contextlib.suppress(FileNotFoundError):
        if time.time() - lock.lstat().st_mtime > _STALE_S:
            lock.unlink()
