"""Files that appear whole or not at all: written under another name, then renamed."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# What has this prefix is being written or being deleted; `names` does not show it.
UNFINISHED = ".unfinished-"


def create_file(target: Path, data: bytes) -> bool:
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f"{UNFINISHED}{uuid.uuid4().hex}")
    try:
        temporary.write_bytes(data)
        try:
            os.link(temporary, target)  # unlike a rename, it fails where there is something
        except FileExistsError:
            return False
        except OSError:  # a file system without links: the file is there a moment before its content
            return _create_directly(target, data)
        return True
    finally:
        temporary.unlink(missing_ok=True)


def _create_directly(target: Path, data: bytes) -> bool:
    try:
        with target.open("xb") as file:
            file.write(data)
    except FileExistsError:
        return False
    return True


def check_filled(folder: Path, last: str) -> None:
    if not (folder / last).is_file():
        raise ValueError(f"the folder must hold {last!r}, which says that it is complete")


def put_aside(path: Path) -> Path:
    return path.rename(path.with_name(f"{UNFINISHED}{uuid.uuid4().hex}"))


@contextmanager
def unfinished_beside(target: Path) -> Iterator[Path]:
    """Give an empty folder on the same file system as `target`; what is left of it is deleted afterwards."""
    temporary = target.with_name(f"{UNFINISHED}{uuid.uuid4().hex}")
    temporary.mkdir(parents=True)
    try:
        yield temporary
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
