"""A new SQLite store, there whole or not at all.

MLflow makes its tables one by one, for seconds; killed meanwhile, it leaves a file that it can neither use nor mend.
Here the store gets its name only when it is whole; what was left half-made by others is named.
"""

from __future__ import annotations

import os
import sqlite3
import time
import uuid
from contextlib import closing, suppress
from pathlib import Path

from mlflow.tracking import MlflowClient
from mlflow.tracking._tracking_service.utils import _get_store

from sweepkit.errors import InputError
from sweepkit.tracking.errors import REMEDY

_OLD_S = 3600.0  # far longer than it takes: whoever made this is gone


def lay_out(path: Path) -> None:
    """Make the store at `path` under another name and give it its own; quiet when there is one already.

    Raises:
        InputError: what is there is damaged, or only half a store.
    """
    if path.exists() and path.stat().st_size:
        return _check(path)
    _sweep_up(path)
    unfinished = path.with_name(f".{path.name}-{uuid.uuid4().hex}")
    uri = f"sqlite:///{unfinished.absolute()}"
    try:
        MlflowClient(tracking_uri=uri).search_experiments(max_results=1)
        _get_store(uri).engine.dispose()  # type: ignore[no-untyped-call]  # MLflow is typed in part
        _put_in_place(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def _check(path: Path) -> None:
    with closing(sqlite3.connect(path)) as store:
        try:
            tables = {name for (name,) in store.execute("select name from sqlite_master where type = 'table'")}
            # the first experiment is the last thing that MLflow makes
            is_half = "experiments" in tables and not store.execute("select 1 from experiments").fetchone()
        except sqlite3.OperationalError:  # locked: somebody is using it
            return
        except sqlite3.DatabaseError as error:
            raise InputError(f"tracking store '{path}' cannot be read: {error}; {REMEDY}") from None
    if is_half:
        raise InputError(
            f"tracking store '{path}' was never completed, so MLflow cannot use it: who was making it was killed, or "
            f"is still at it. There is nothing in it yet: delete the file, or {REMEDY}"
        )


def _put_in_place(unfinished: Path, path: Path) -> None:
    if path.exists() and not path.stat().st_size:
        path.unlink()
    try:
        os.link(unfinished, path)  # which never takes the place of what another process has made meanwhile
    except FileExistsError:
        return
    except OSError:  # a file system without links
        unfinished.rename(path)


def _sweep_up(path: Path) -> None:
    for left in path.parent.glob(f".{path.name}-*"):
        with suppress(FileNotFoundError):
            if time.time() - left.stat().st_mtime > _OLD_S:
                left.unlink()
