"""Digests of files and of settings, by which prepared data is addressed and verified."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from sweepkit.errors import DataError


@dataclass(frozen=True, slots=True)
class FileInfo:
    """One file of a folder: its name, size and SHA-256."""

    name: str
    bytes: int
    sha256: str


def file_digest(path: Path) -> str:
    """Return a file's SHA-256.

    Raises:
        DataError: the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"the file can't be read: {error.strerror}", where=str(path)) from None


def json_digest(value: object) -> str:
    """Return the SHA-256 of JSON values; the order of an object's keys does not matter."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def file_info(path: Path) -> FileInfo:
    """Return a file's size and digest; its name is the last part of the path."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return FileInfo(path.name, path.stat().st_size, digest)
