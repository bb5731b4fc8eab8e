"""Open a tracking store. Imports no mlflow until `connect` is called.

Try `connect(uris.located(None)).experiment("cells")`.
"""

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

# Defaults only: what the user has set stays. The queue and the spool retry without anyone waiting, while MLflow's own
# seven retries would block a call for four minutes.
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
    """Open a store, without MLflow's own output; the first call in a process takes seconds, to import mlflow.

    Raises:
        InputError: the store is a file that cannot be written or is not a database.
        StoreError: the store does not answer, or MLflow has no store for the URI.
    """
    _check_sqlite(uri)
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    # after the environment is set, which mlflow reads when it is imported
    from sweepkit.tracking.runs import Store
    from sweepkit.tracking.sqlite import lay_out

    path = sqlite_path(uri)
    if path is not None:
        lay_out(path)
    return Store(uri)


def _check_sqlite(uri: str) -> None:
    """Raise at once for what MLflow would raise for after minutes of retries."""
    path = sqlite_path(uri)
    if path is None:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # the folder has to be writable too, for SQLite's journal
        with tempfile.TemporaryFile(dir=path.parent):
            head = _head(path) if path.exists() else b""
    except OSError as error:
        # `mkdir` says "file exists" where something else has the folder's name
        code = errno.ENOTDIR if isinstance(error, FileExistsError) else error.errno or errno.EIO
        reason = os.strerror(code).lower()
        raise InputError(f"tracking store {uri!r} cannot be written: {reason}; {REMEDY}") from None
    # an empty file becomes a database
    if head and head != _SQLITE_HEAD:
        raise InputError(f"tracking store {uri!r} is not an SQLite database; {REMEDY}")


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(len(_SQLITE_HEAD))
