"""A journal whose last line was cut short, by a kill or a full disk: mended before anything is appended to it.

Reading such a journal does no harm, since Optuna passes over an unfinished last line. Appending does: the new record
would continue the old line, be lost with it, and make the journal unreadable from the next record on.
Try `mend(Path("runs/sweeps/cells/journal.log"))`.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import time
from pathlib import Path

logger = logging.getLogger(__name__)

_STALE_S = 10.0  # an append holds its lock for milliseconds


def mend(journal: Path) -> None:
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
