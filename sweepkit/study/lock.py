"""The lock that each write of a journal takes: Optuna's, except that an interruption stays one.

Try `JournalFileBackend("journal.log", lock_obj=JournalLock("journal.log"))`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from optuna.storages.journal import JournalFileSymlinkLock


class JournalLock(JournalFileSymlinkLock):
    """Raises KeyboardInterrupt where Ctrl-C or SIGTERM comes while the lock is taken or released.

    Optuna 5.0.0 deletes the lock's file once more for any exception there. Where the file is gone already that raises
    an error of its own, and a user who pressed Ctrl-C would get a FileNotFoundError or "did not possess lock".
    """

    def acquire(self) -> bool:
        with _interruption():
            return super().acquire()

    def release(self) -> None:
        with _interruption():
            super().release()


@contextlib.contextmanager
def _interruption() -> Iterator[None]:
    try:
        yield
    except (OSError, RuntimeError) as error:
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, KeyboardInterrupt):
            cause = cause.__context__
        if cause is None:
            raise
        raise cause from None
