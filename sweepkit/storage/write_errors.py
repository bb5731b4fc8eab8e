"""A storage that takes no more: a full disk, a used-up quota, a file system that has become read-only.

None of these is a trial's fault, and every other trial would meet it too. So what writes to the storage raises a
`StorageFault`, which ends the sweep in a state that the same command goes on from. Try
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
# HDF5 and TensorFlow say it in words only
_CODE = re.compile(r"errno[ =]+(\d+)", re.IGNORECASE)
_WORDS = {os.strerror(code).lower(): code for code in (errno.ENOSPC, errno.EDQUOT, errno.EROFS)}


@contextlib.contextmanager
def writing(where: str) -> Iterator[None]:
    """Raise a `StorageFault` that names `where`, if the storage does not take what the block writes."""
    try:
        yield
    except Exception as error:
        code = _code(error, where)
        if code is None:
            raise
        raise fault(where, code) from error


def is_full(error: BaseException) -> bool:
    """Tell whether an error is about room, not about rights."""
    return getattr(error, "errno", None) in _SPACE


@contextlib.contextmanager
def before_start() -> Iterator[None]:
    """Make a `StorageFault` wrong input: nothing was started."""
    try:
        yield
    except StorageFault as error:
        raise InputError(str(error)) from error


def fault(where: str, code: int) -> StorageFault:
    """Return what to raise when writing `where` failed with this errno."""
    remedy = "free some space there" if code in _SPACE else "make it writable again"
    return StorageFault(
        f"{where} cannot be written: {os.strerror(code).lower()}; {remedy}, and the same command goes on from the "
        "last finished epochs"
    )


def _code(error: BaseException, where: str) -> int | None:
    """Return the errno if an error, or what led to it, says that nothing can be written at `where`."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, StorageFault):
            return None  # it names its place already
        code = _own_code(seen, where)
        if code is not None:
            return code
        seen = seen.__cause__ or seen.__context__
    return None


def _own_code(error: BaseException, where: str) -> int | None:
    text = str(error)
    if isinstance(error, OSError):
        found = _CODE.search(text)
        code = error.errno or (int(found[1]) if found else None)
        if code in (*_SPACE, *_RIGHTS):
            return code if _is_there(error, where) else None
    return next((code for words, code in _WORDS.items() if words in text.lower()), None)


def _is_there(error: OSError, where: str) -> bool:
    """Tell whether the file that an error names, if it names one, is near the place that is written."""
    if not isinstance(error.filename, str) or "://" in where:
        return True
    return Path(error.filename).absolute().is_relative_to(Path(where).absolute().parent)
