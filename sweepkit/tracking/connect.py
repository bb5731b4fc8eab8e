"""Which tracking store is meant, who can reach it, and how to open it. Imports no mlflow until `connect` is called."""

from __future__ import annotations

import errno
import hashlib
import os
import tempfile
import urllib.parse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sweepkit.errors import InputError
from sweepkit.redaction import hidden

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
_LONGEST_NAME = 100  # file systems take 255 bytes
_PENDING = "pending-"
_SQLITE_HEAD = b"SQLite format 3\0"
TRIAL_TAG = "sweepkit.trial"  # on a trial's run: its number
ORIGIN_TAG = "sweepkit.origin"  # on a sweep's run: which sweep of which storage it is
REMEDY = "name another with tracking.uri, or turn tracking off with tracking.enabled: false"


class StoreError(Exception):
    """The tracking store did not do what it was asked. Never leaves `sweepkit.tracking`."""


class AwayError(StoreError):
    """It does not answer, or fails in doing it: trying again later makes sense.

    Args:
        reason: what happened.
        has_answered: it was there and failed, as a server with a defect does: trying for ever makes no sense.
    """

    def __init__(self, reason: str, *, has_answered: bool = False) -> None:
        super().__init__(reason)
        self.has_answered = has_answered


class RefusedError(StoreError):
    """It answers that it will never do this: the run was deleted, the value is not allowed."""


@dataclass(frozen=True, slots=True)
class TrackingTarget:
    """What a worker is told of tracking.

    Attributes:
        uri: the store.
        run_id: the trial's run; None, or a pending id, while the store has not made one yet.
    """

    uri: str
    run_id: str | None

    @property
    def is_reachable(self) -> bool:
        """Tell whether a worker can write to the run itself.

        A store that is a file is on the driver's machine, and a single writer suits it best.
        """
        return self.run_id is not None and not is_pending(self.run_id) and not is_file(self.uri)


def pending_id(number: int) -> str:
    """Return what stands for the run of a trial that started while the store was away."""
    return f"{_PENDING}{number:04d}"


def is_pending(run_id: str) -> bool:
    """Tell whether this stands for a run that is yet to be made."""
    return run_id.startswith(_PENDING)


def is_file(uri: str) -> bool:
    """Tell whether the store is a file or a folder, not a server."""
    scheme = uri.partition(":")[0].partition("+")[0]
    return "://" not in uri or scheme in ("sqlite", "file")


def located(uri: str | None) -> str:
    """Return the URI of the store that is meant, the same seen from any working directory.

    Args:
        uri: as configured; None means MLFLOW_TRACKING_URI, and without that what a plain `mlflow ui` shows.
    """
    uri = uri or os.environ.get("MLFLOW_TRACKING_URI") or "sqlite:///mlflow.db"
    path = _sqlite_path(uri)
    if path is None:
        return uri
    options = uri.partition("?")[2]
    return f"{uri.partition(':')[0]}:///{path.absolute()}" + (f"?{options}" if options else "")


def exists(uri: str) -> bool:
    """Tell whether there is a store to read; of a server only its answer tells, so it counts as there."""
    path = _sqlite_path(uri)
    return path is None or path.exists()


def shown(uri: str) -> str:
    """Return a URI without user, password and query."""
    return hidden(uri)


def artifact_folder(uri: str, experiment: str) -> str | None:
    """Return where artifacts of a new experiment go: beside an SQLite file, otherwise where the store says (None)."""
    path = _sqlite_path(uri)
    return str(path.parent / "mlruns" / _file_name(experiment)) if path else None


def _file_name(title: str) -> str:
    """Return a name for a folder: of a title that is none itself, or too long for one, with a digest in it."""
    quoted = urllib.parse.quote(title, safe="")
    if len(quoted) <= _LONGEST_NAME and quoted.strip("."):
        return quoted
    digest = hashlib.sha256(title.encode()).hexdigest()[:12]
    return f"{quoted.strip('.')[:_LONGEST_NAME]}-{digest}"


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

    path = _sqlite_path(uri)
    if path is not None:
        lay_out(path)
    return Store(uri)


def _sqlite_path(uri: str) -> Path | None:
    prefix, separator, path = uri.partition(":///")
    is_sqlite = bool(separator) and prefix.startswith("sqlite") and not path.startswith(":memory:")
    return Path(path.partition("?")[0]) if is_sqlite and path else None


def _check_sqlite(uri: str) -> None:
    """Find at once what MLflow would find after minutes of trying again."""
    path = _sqlite_path(uri)
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
