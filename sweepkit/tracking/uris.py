"""The address of a tracking store: as MLflow takes it, as a file, and as messages show it.

Try `located(None)`, the store that a sweep uses whose YAML names none.
"""

from __future__ import annotations

import hashlib
import os
import urllib.parse
from pathlib import Path

from sweepkit.redaction import hidden

_LONGEST_NAME = 100  # file systems take 255 bytes


def is_file(uri: str) -> bool:
    """Return whether the store is a file or a folder, not a server."""
    # a driver may follow, as in sqlite+pysqlite
    scheme = uri.partition(":")[0].partition("+")[0]
    return "://" not in uri or scheme in ("sqlite", "file")


def located(uri: str | None) -> str:
    """Return a store's URI that is valid in any working directory.

    Args:
        uri: as configured; None means MLFLOW_TRACKING_URI or, without that, mlflow.db in the working directory, which
            a plain `mlflow ui` shows.
    """
    uri = uri or os.environ.get("MLFLOW_TRACKING_URI") or "sqlite:///mlflow.db"
    path = sqlite_path(uri)
    if path is None:
        return uri
    options = uri.partition("?")[2]
    return f"{uri.partition(':')[0]}:///{path.absolute()}" + (f"?{options}" if options else "")


def exists(uri: str) -> bool:
    """Return whether there is a store to read; True for every server, since only a request could tell."""
    path = sqlite_path(uri)
    return path is None or path.exists()


def shown(uri: str) -> str:
    """Return a URI without user, password and query."""
    return hidden(uri)


def artifact_folder(uri: str, experiment: str) -> str | None:
    """Return the folder of a new experiment's artifacts, beside an SQLite file; None leaves the choice to a server."""
    # MLflow's own default is the working directory, which need not be the same for each driver
    path = sqlite_path(uri)
    return str(path.parent / "mlruns" / _file_name(experiment)) if path else None


def sqlite_path(uri: str) -> Path | None:
    """Return the file of an SQLite store; None for every other store, and for one in memory."""
    prefix, separator, path = uri.partition(":///")
    is_sqlite = bool(separator) and prefix.startswith("sqlite") and not path.startswith(":memory:")
    return Path(path.partition("?")[0]) if is_sqlite and path else None


def _file_name(title: str) -> str:
    """Return a folder's name for a title, with a digest in the place of what is too long or not a name."""
    # a title may have slashes, or be ".."
    quoted = urllib.parse.quote(title, safe="")
    if len(quoted) <= _LONGEST_NAME and quoted.strip("."):
        return quoted
    # cut titles may begin alike
    digest = hashlib.sha256(title.encode()).hexdigest()[:12]
    return f"{quoted.strip('.')[:_LONGEST_NAME]}-{digest}"
