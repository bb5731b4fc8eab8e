"""Which tracking store is meant, who can reach it, and how to open it. Imports no mlflow until `connect` is called."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from sweepkit.errors import InputError
from sweepkit.tracking.errors import REMEDY
from sweepkit.tracking.uris import sqlite_path

if TYPE_CHECKING:
    from sweepkit.tracking.runs import Store

# What the user has set stays as it is. Retries are ours: the queue and the spool try again without making anyone
# wait, while MLflow's own seven would block a call for four minutes.
_ENVIRONMENT = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
}
_SQLITE_HEAD = b"SQLite format 3\0"


def connect(uri: str) -> Store:
    """Open a store, quietly. The first time in a process takes seconds: mlflow is imported, a new database laid out.

    Raises:
        InputError: the store is a file that cannot be written or is no database.
        StoreError: the store does not answer, or its URI means nothing to MLflow.
    """
    _check_sqlite(uri)
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    # after the environment, which mlflow reads when it is imported
    from sweepkit.tracking.runs import Store
    from sweepkit.tracking.sqlite import lay_out

    path = sqlite_path(uri)
    if path is not None:
        lay_out(path)
    return Store(uri)


def _check_sqlite(uri: str) -> None:
    """Find at once what MLflow would find after minutes of trying again."""
    path = sqlite_path(uri)
    if path is None:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent):
            head = _head(path) if path.exists() else b""
    except OSError as error:
        # what is in the folder's place is then no folder
        code = errno.ENOTDIR if isinstance(error, FileExistsError) else error.errno or errno.EIO
        reason = os.strerror(code).lower()
        raise InputError(f"tracking store {uri!r} cannot be written: {reason}; {REMEDY}") from None
    if head and head != _SQLITE_HEAD:
        raise InputError(f"tracking store {uri!r} is no SQLite database; {REMEDY}")


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(len(_SQLITE_HEAD))
