"""Files and folders that appear whole or not at all: written under another name beside their place, then renamed.

For the local file system; a bucket's objects appear when their upload is complete. Try
`with replacing(Path("out.csv")) as temporary: temporary.write_text("…")`.
"""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# What has this prefix is being written or being deleted; `Storage.names` does not show it.
UNFINISHED = ".unfinished-"


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Give the path of a file to write; leaving the block puts it in place of `target`.

    When the block raises, `target` is as it was and nothing is left beside it.
    """
    temporary = _beside(target)
    try:
        yield temporary
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def unfinished_folder(target: Path) -> Iterator[Path]:
    """Give an empty folder on the same file system as `target`, to be renamed to it by the block.

    What is left of the folder is deleted afterwards, and so are parents that were made for it where the block raises.
    """
    temporary = _beside(target)
    made = [parent for parent in target.parents if not parent.exists()]
    try:
        temporary.mkdir(parents=True)
        yield temporary
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        for parent in made if not target.exists() else []:
            try:
                parent.rmdir()
            except OSError:  # somebody else keeps things there by now
                break


def create_file(target: Path, data: bytes) -> bool:
    """Put a file where there is none; False where there is one, which stays as it is."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = _beside(target)
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


def put_aside(path: Path) -> Path:
    """Rename a file or folder so that nobody meets it half-deleted; returns where it is."""
    return path.rename(_beside(path))


def check_filled(folder: Path, last: str) -> None:
    """Raise ValueError unless a folder holds the file that says that it is complete."""
    if not (folder / last).is_file():
        raise ValueError(f"the folder must hold {last!r}, which says that it is complete")


def _create_directly(target: Path, data: bytes) -> bool:
    try:
        with target.open("xb") as file:
            file.write(data)
    except FileExistsError:
        return False
    return True


def _beside(target: Path) -> Path:
    return target.with_name(f"{UNFINISHED}{uuid.uuid4().hex}")
