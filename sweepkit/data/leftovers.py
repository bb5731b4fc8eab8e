"""What a killed preparation leaves behind: a hidden folder that nobody takes for data; the next one deletes it."""

from __future__ import annotations

import json
import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from sweepkit.storage.layout import DataPaths
from sweepkit.storage.storage import Storage

_MARK = "being-made.json"


@contextmanager
def marked(folder: Path) -> Iterator[None]:
    """Note in an unfinished folder who is making it; the note goes when the block ends well."""
    mark = folder / _MARK
    mark.write_text(json.dumps({"host": socket.gethostname(), "pid": os.getpid()}))
    yield
    mark.unlink()


def sweep_up(storage: Storage, paths: DataPaths) -> None:
    """Delete the unfinished folders beside this data whose makers, processes of this machine, are gone."""
    if storage.local is None:
        return
    for mark in storage.path(paths.root).parent.glob(f"*/{_MARK}"):
        if _is_orphan(mark):
            shutil.rmtree(mark.parent, ignore_errors=True)


def _is_orphan(mark: Path) -> bool:
    try:
        maker = json.loads(mark.read_bytes())
        return maker["host"] == socket.gethostname() and not psutil.pid_exists(maker["pid"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError, OverflowError):
        # its maker has just finished, or was killed while writing: then the folder stays hidden
        return False
