"""Open the file system of a storage's URI, and show URIs and errors in messages.

Try `open_filesystem("s3://bucket/runs")`.
"""

from __future__ import annotations

import os
import urllib.parse
from pathlib import Path

import pyarrow as pa
import pyarrow.fs as pafs

from sweepkit.errors import InputError

_BUCKETS = ("s3", "gs")


def open_filesystem(uri: str) -> tuple[pafs.FileSystem, str]:
    """Return the file system and the root of a path (relative to the working directory) or a URI: file, s3 or gs.

    Raises:
        InputError: the URI is of another scheme, is malformed, or holds credentials.
    """
    scheme, separator, rest = uri.partition("://")
    if not separator:
        return pafs.LocalFileSystem(), str(_folder(uri))
    if scheme == "file":
        return pafs.LocalFileSystem(), _file_uri_path(uri, rest)
    if scheme not in _BUCKETS:
        raise InputError(
            f"storage must be a folder or a URI that starts with file://, s3:// or gs://, got {shown(uri)!r}"
        )
    if "@" in rest.partition("/")[0]:
        raise InputError(
            f"storage {shown(uri)!r} must not hold credentials in its URI; give them to every machine "
            "through its environment, like AWS_ACCESS_KEY_ID or GOOGLE_APPLICATION_CREDENTIALS"
        )
    try:
        filesystem, root = pafs.FileSystem.from_uri(uri)
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"storage {shown(uri)!r} cannot be opened: {reason(error)}") from None
    return filesystem, root


def shown(uri: str) -> str:
    """Return a URI without its parts that may be secret: user, password and query."""
    scheme, separator, rest = uri.partition("://")
    if not separator:
        return uri
    host, slash, path = rest.partition("?")[0].partition("/")
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{path}"


def reason(error: BaseException) -> str:
    """Return in a few words why a file system failed."""
    # pyarrow's own errors have no errno, but many lines
    code = getattr(error, "errno", None)
    return os.strerror(code).lower() if code else str(error).partition("\n")[0]


def _folder(path: str) -> Path:
    try:
        return Path(path).expanduser().absolute()
    except RuntimeError as error:  # `~user` of a user that does not exist
        raise InputError(f"storage {path!r} cannot be opened: {str(error).lower()}") from None


def _file_uri_path(uri: str, rest: str) -> str:
    path = urllib.parse.unquote(rest)
    if not path.startswith("/"):
        raise InputError(f"a file URI must hold an absolute path, like file:///data/runs, got {uri!r}")
    return path
