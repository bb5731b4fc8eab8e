"""SQLite stores, and what is left of one whose maker was killed."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from sweepkit.errors import InputError
from sweepkit.tracking.connect import connect
from tests.support.servers import environment
from tests.support.waiting import wait_until

pytestmark = pytest.mark.mlflow


def test_a_store_has_its_name_only_when_it_is_complete(tmp_path: Path) -> None:
    program = "import sys; from sweepkit.tracking.connect import connect; connect(sys.argv[1])"
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    maker = subprocess.Popen([sys.executable, "-c", program, uri], env=environment(), stderr=subprocess.DEVNULL)
    wait_until(lambda: list(tmp_path.glob(".mlflow.db-*")), "the store was begun", process=maker, interval_s=0.005)
    maker.send_signal(signal.SIGKILL)
    maker.wait()
    assert not (tmp_path / "mlflow.db").exists()
    left = list(tmp_path.glob(".mlflow.db-*"))  # the file, and SQLite's journal of it if a change was under way
    assert left
    for path in left:
        os.utime(path, (0, 0))
    assert connect(uri).experiment("cells")
    assert [path.name for path in tmp_path.iterdir()] == ["mlflow.db"]


def test_a_store_that_is_there_stays(tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    experiment = connect(uri).experiment("cells")
    assert connect(uri).experiment("cells") == experiment
    with sqlite3.connect(tmp_path / "mlflow.db") as store:
        assert store.execute("select count(*) from experiments").fetchone() == (2,)


def test_an_empty_file_becomes_a_store(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").touch()
    assert connect(f"sqlite:///{tmp_path}/mlflow.db").experiment("cells")


def test_an_incomplete_store_is_named_with_the_remedy(tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    with sqlite3.connect(path) as store:
        store.execute("create table experiments (experiment_id integer)")
    with pytest.raises(InputError) as caught:
        connect(f"sqlite:///{path}")
    assert str(caught.value).startswith(
        f"tracking store '{path}' was never completed, so MLflow cannot use it: the process that made it was "
        "killed, or is still at work. It holds no data yet: delete the file, or name another with tracking.uri"
    )


def test_a_damaged_store_is_named(tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    with sqlite3.connect(path) as store:
        store.execute("create table experiments (experiment_id integer)")
    path.write_bytes(path.read_bytes()[:100] + b"x" * 4000)
    with pytest.raises(InputError, match=r"mlflow\.db' cannot be read: .*malformed; name another with tracking\.uri"):
        connect(f"sqlite:///{path}")
