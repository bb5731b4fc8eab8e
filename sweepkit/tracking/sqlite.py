"""A new SQLite store, which appears complete or not at all.

MLflow makes its tables one by one, for seconds; killed meanwhile, it leaves a file that it can neither use nor repair.
So the store is made under another name and renamed when it is complete. Try `lay_out(Path("mlflow.db"))`.
"""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing, suppress
from pathlib import Path

from mlflow.tracking import MlflowClient
from mlflow.tracking._tracking_service.utils import _get_store

from sweepkit.errors import InputError
from sweepkit.storage.atomic import creating
from sweepkit.tracking.errors import REMEDY

_OLD_S = 3600.0  # making a store takes seconds: after an hour, its maker was killed


def lay_out(path: Path) -> None:
    """Make the store at `path`, unless there is one already.

    Raises:
        InputError: the file there is damaged, or an incomplete store.
    """
    # an empty file is what `touch` or a cancelled first connection leaves; SQLite takes it for a new database
    if path.exists() and path.stat().st_size:
        _check(path)
        return
    _delete_leftovers(path)
    with creating(path, prefix=_prefix(path)) as unfinished:
        uri = f"sqlite:///{unfinished.absolute()}"
        MlflowClient(tracking_uri=uri).search_experiments(max_results=1)
        # the file is about to be renamed, so no connection to it may stay open
        _get_store(uri).engine.dispose()  # type: ignore[no-untyped-call]  # MLflow is typed in part
        if path.exists() and not path.stat().st_size:
            path.unlink()


def _check(path: Path) -> None:
    with closing(sqlite3.connect(path)) as store:
        try:
            tables = {name for (name,) in store.execute("select name from sqlite_master where type = 'table'")}
            # MLflow makes the default experiment last
            is_incomplete = "experiments" in tables and not store.execute("select 1 from experiments").fetchone()
        except sqlite3.OperationalError:  # locked: another process is using it
            return
        except sqlite3.DatabaseError as error:
            raise InputError(f"tracking store '{path}' cannot be read: {error}; {REMEDY}") from None
    if is_incomplete:
        raise InputError(
            f"tracking store '{path}' was never completed, so MLflow cannot use it: the process that made it was "
            f"killed, or is still at work. It holds no data yet: delete the file, or {REMEDY}"
        )


def _delete_leftovers(path: Path) -> None:
    for leftover in path.parent.glob(f"{_prefix(path)}*"):
        with suppress(FileNotFoundError):  # another process may be deleting it too
            if time.time() - leftover.stat().st_mtime > _OLD_S:
                leftover.unlink()


def _prefix(path: Path) -> str:
    # has the store's name, so that leftovers of other files in the folder are left alone
    return f".{path.name}-"
