"""Files and folders that appear whole or not at all: written under another name in the same folder, then renamed.

For the local file system; an object in a bucket appears when its upload is complete. Try
`with replacing(Path("out.csv")) as temporary: temporary.write_text("…")`.
"""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# prefix of names that are being written or deleted; `Storage.names` leaves them out
UNFINISHED = ".unfinished-"


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Provide the path of a file to write; leaving the block renames it to `target`.

    When the block raises, `target` stays as it was and no other file is left.
    """
    with _deleted_afterwards(_beside(target)) as temporary:
        yield temporary
        temporary.replace(target)


@contextmanager
def creating(target: Path, *, prefix: str = UNFINISHED) -> Iterator[Path]:
    """Provide the path of a file to write; leaving the block renames it to `target` unless there is one by then.

    Args:
        target: the file, which stays as it is if another process was faster.
        prefix: of the other name, by which the file of a killed process is recognised.
    """
    with _deleted_afterwards(_beside(target, prefix)) as temporary:
        yield temporary
        try:
            os.link(temporary, target)  # unlike a rename, it fails where there is a file
        except FileExistsError:
            return
        except OSError:  # a file system without links, where of two processes the last one wins
            temporary.rename(target)


@contextmanager
def unfinished_folder(target: Path) -> Iterator[Path]:
    """Provide an empty folder on the same file system as `target`, to be renamed to it by the block.

    Afterwards it is deleted if it is still there, and so are parents that were made for it if there is no `target`.
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
            except OSError:  # another process has put something there meanwhile
                break


def create_file(target: Path, data: bytes) -> bool:
    """Write a file unless there is one; False if there is one, which stays as it is."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with _deleted_afterwards(_beside(target)) as temporary:
        temporary.write_bytes(data)
        try:
            os.link(temporary, target)
        except FileExistsError:
            return False
        except OSError:  # without links, only one process must succeed: the file may exist before its content does
            return _create_directly(target, data)
        return True


def put_aside(path: Path) -> Path:
    """Rename a file or folder that is to be deleted, so that no reader meets it half-deleted; return its new path."""
    return path.rename(_beside(path))


def check_filled(folder: Path, last: str) -> None:
    """Raise ValueError unless a folder has the file whose presence means that it is complete."""
    if not (folder / last).is_file():
        raise ValueError(f"the folder must hold {last!r}, whose presence means that it is complete")


def unfinished_name(prefix: str = UNFINISHED) -> str:
    """Return a new name for what is being written or deleted."""
    return f"{prefix}{uuid.uuid4().hex}"


@contextmanager
def _deleted_afterwards(temporary: Path) -> Iterator[Path]:
    try:
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)


def _create_directly(target: Path, data: bytes) -> bool:
    try:
        with target.open("xb") as file:
            file.write(data)
    except FileExistsError:
        return False
    return True


def _beside(target: Path, prefix: str = UNFINISHED) -> Path:
    # the same folder is on the same file system, within which alone a rename is atomic
    return target.with_name(unfinished_name(prefix))
