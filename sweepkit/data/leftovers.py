"""What a killed preparation leaves behind: a hidden folder, never taken for data, which the next one deletes."""

from __future__ import annotations

import json
import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from sweepkit.storage.data_folder import DataFolder

_MARK = "being-made.json"


@contextmanager
def marked(unfinished: Path) -> Iterator[None]:
    """Keep a file with host and process in an unfinished folder; it is deleted when the block succeeds."""
    mark = unfinished / _MARK
    mark.write_text(json.dumps({"host": socket.gethostname(), "pid": os.getpid()}))
    yield
    mark.unlink()


def delete(folder: DataFolder) -> None:
    """Delete the unfinished folders beside this data that ended processes of this machine left."""
    if folder.storage.local is None:
        return
    for mark in folder.storage.path(folder.paths.root).parent.glob(f"*/{_MARK}"):
        if _is_orphan(mark):
            shutil.rmtree(mark.parent, ignore_errors=True)


def _is_orphan(mark: Path) -> bool:
    try:
        maker = json.loads(mark.read_bytes())
        # a process id says nothing about another machine that shares the folder
        return maker["host"] == socket.gethostname() and not psutil.pid_exists(maker["pid"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError, OverflowError):
        # the preparation has just finished, or was killed while it wrote the mark: then the folder stays, hidden
        return False
