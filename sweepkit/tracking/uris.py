"""Which tracking store is meant: its address as MLflow takes it, as a file, and as messages show it."""

from __future__ import annotations

import hashlib
import os
import urllib.parse
from pathlib import Path

from sweepkit.redaction import hidden

_LONGEST_NAME = 100  # file systems take 255 bytes


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
    path = sqlite_path(uri)
    if path is None:
        return uri
    options = uri.partition("?")[2]
    return f"{uri.partition(':')[0]}:///{path.absolute()}" + (f"?{options}" if options else "")


def exists(uri: str) -> bool:
    """Tell whether there is a store to read; of a server only its answer tells, so it counts as there."""
    path = sqlite_path(uri)
    return path is None or path.exists()


def shown(uri: str) -> str:
    """Return a URI without user, password and query."""
    return hidden(uri)


def artifact_folder(uri: str, experiment: str) -> str | None:
    """Return where artifacts of a new experiment go: beside an SQLite file, otherwise where the store says (None)."""
    path = sqlite_path(uri)
    return str(path.parent / "mlruns" / _file_name(experiment)) if path else None


def _file_name(title: str) -> str:
    """Return a name for a folder: of a title that is none itself, or too long for one, with a digest in it."""
    quoted = urllib.parse.quote(title, safe="")
    if len(quoted) <= _LONGEST_NAME and quoted.strip("."):
        return quoted
    digest = hashlib.sha256(title.encode()).hexdigest()[:12]
    return f"{quoted.strip('.')[:_LONGEST_NAME]}-{digest}"


def sqlite_path(uri: str) -> Path | None:
    prefix, separator, path = uri.partition(":///")
    is_sqlite = bool(separator) and prefix.startswith("sqlite") and not path.startswith(":memory:")
    return Path(path.partition("?")[0]) if is_sqlite and path else None
