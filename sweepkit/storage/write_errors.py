"""Errors of a storage that cannot be written: a full disk, an exhausted quota, a file system that became read-only.

No trial causes them, and every other trial would meet them too. So whatever writes to the storage raises a
`StorageFault`, which ends the sweep in a state from which the same command resumes. Try
`with writing("/data/runs/journal.log"): append(record)`.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
from collections.abc import Iterator
from pathlib import Path

from sweepkit.errors import InputError, StorageFault

_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_RIGHTS = (errno.EROFS, errno.EACCES, errno.EPERM)
# HDF5 and TensorFlow raise errors with the code in their text only
_CODE = re.compile(r"errno[ =]+(\d+)", re.IGNORECASE)
_WORDS = {os.strerror(code).lower(): code for code in (errno.ENOSPC, errno.EDQUOT, errno.EROFS)}


@contextlib.contextmanager
def writing(where: str) -> Iterator[None]:
    """Raise a `StorageFault` that names `where`, if the block fails because the storage cannot be written."""
    try:
        yield
    except Exception as error:
        code = _code(error, where)
        if code is None:
            raise
        raise _storage_fault(where, code) from error


def is_full(error: BaseException) -> bool:
    """Return whether an error means that there is no room left."""
    return getattr(error, "errno", None) in _SPACE


@contextlib.contextmanager
def before_start() -> Iterator[None]:
    """Turn a `StorageFault` into an InputError, while nothing has been started."""
    try:
        yield
    except StorageFault as error:
        raise InputError(str(error)) from error


def _code(error: BaseException, where: str) -> int | None:
    """Return the errno if an error, or one that led to it, means that nothing can be written at `where`."""
    # libraries raise errors of their own while they handle the one of the disk
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, StorageFault):
            return None  # it names its path already
        code = _own_code(cause, where)
        if code is not None:
            return code
        cause = cause.__cause__ or cause.__context__
    return None


def _own_code(error: BaseException, where: str) -> int | None:
    text = str(error)
    if isinstance(error, OSError):
        match = _CODE.search(text)
        code = error.errno or (int(match[1]) if match else None)
        if code in (*_SPACE, *_RIGHTS):
            return code if _is_near(error, where) else None
    return next((code for words, code in _WORDS.items() if words in text.lower()), None)


def _is_near(error: OSError, where: str) -> bool:
    """Return whether the file that an error names, if it names one, is near the path that is written."""
    # a sweep package may fail to open a file of its own meanwhile, which is a failure of the trial
    if not isinstance(error.filename, str) or "://" in where:
        return True
    return Path(error.filename).absolute().is_relative_to(Path(where).absolute().parent)


def _storage_fault(where: str, code: int) -> StorageFault:
    remedy = "free some space there" if code in _SPACE else "make it writable again"
    return StorageFault(
        f"{where} cannot be written: {os.strerror(code).lower()}; {remedy}, and the same command resumes from the "
        "last finished epochs"
    )
