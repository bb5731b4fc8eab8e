"""Which tracking store is meant, and who can reach it. No MLflow needed."""

from __future__ import annotations

from pathlib import Path

import pytest

from sweepkit.errors import InputError
from sweepkit.tracking.connect import connect
from sweepkit.tracking.trial_logger import TrackingTarget
from sweepkit.tracking.uris import artifact_folder, is_file, located, shown


def test_without_a_uri_it_is_the_store_of_a_plain_mlflow_ui(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)
    assert located(None) == f"sqlite:///{tmp_path}/mlflow.db"


def test_the_environment_is_asked_before_that_and_the_yaml_before_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://one:5000")
    assert located(None) == "http://one:5000"
    assert located("http://two:5000") == "http://two:5000"


@pytest.mark.parametrize(
    ("uri", "absolute"),
    [
        ("sqlite:///a/b.db?timeout=5", "sqlite:///{here}/a/b.db?timeout=5"),
        ("sqlite:////a/b.db", "sqlite:////a/b.db"),
        ("sqlite+pysqlite:///b.db", "sqlite+pysqlite:///{here}/b.db"),
        ("postgresql://user@host/name", "postgresql://user@host/name"),
    ],
)
def test_an_sqlite_file_is_the_same_from_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uri: str, absolute: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert located(uri) == absolute.format(here=tmp_path)


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("sqlite:////a/b.db", True),
        ("file:///a", True),
        ("./mlruns", True),
        ("http://host:5000", False),
        ("https://host", False),
        ("postgresql+psycopg2://host/name", False),
    ],
)
def test_a_store_is_a_file_or_a_server(uri: str, expected: bool) -> None:
    assert is_file(uri) is expected


@pytest.mark.parametrize(
    ("uri", "run_id", "expected"),
    [
        ("http://host:5000", "0af3", True),
        ("http://host:5000", None, False),
        ("http://host:5000", "pending-0003", False),
        ("sqlite:////a/b.db", "0af3", False),
    ],
)
def test_workers_write_only_to_servers_and_to_runs_that_exist(uri: str, run_id: str | None, expected: bool) -> None:
    assert TrackingTarget(uri, run_id).is_reachable is expected


def test_passwords_are_not_shown() -> None:
    assert shown("https://me:pa55@host:5000/a@b") == "https://host:5000/a@b"


def test_artifacts_go_beside_an_sqlite_file_and_elsewhere_where_the_server_says() -> None:
    assert artifact_folder("sqlite:////data/mlflow.db", "a/b c") == "/data/mlruns/a%2Fb%20c"
    assert artifact_folder("http://host:5000", "a") is None


def test_an_sqlite_file_that_cannot_be_written_is_named_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError) as caught:
        connect(f"sqlite:///{tmp_path}/file/mlflow.db")
    assert str(caught.value) == (
        f"tracking store 'sqlite:///{tmp_path}/file/mlflow.db' cannot be written: not a directory; "
        "name another with tracking.uri, or turn tracking off with tracking.enabled: false"
    )


def test_a_file_that_is_not_a_database_is_named_at_once(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_text("not a database, but somebody's notes")
    with pytest.raises(InputError, match=r"mlflow\.db' is not an SQLite database; name another with tracking\.uri"):
        connect(f"sqlite:///{tmp_path}/mlflow.db")
