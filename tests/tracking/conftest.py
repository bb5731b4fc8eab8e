"""Real MLflow stores: an SQLite file of each test's own, and a server in a thread that can be stopped and started."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sweepkit.storage.storage import Storage
from sweepkit.storage.sweep_folder import SweepFolder, TrialFolder
from sweepkit.trial.trial import Report
from tests.support.made_up_runs import metadata
from tests.support.servers import Server

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

    from sweepkit.tracking.sweep_logger import SweepLogger


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file that MLflow has laid out, which takes it seconds."""
    from sweepkit.tracking.connect import connect

    path = tmp_path_factory.mktemp("store") / "mlflow.db"
    connect(f"sqlite:///{path}").experiment("Default")
    return path


@pytest.fixture
def uri(empty_store: Path, tmp_path: Path) -> str:
    shutil.copy(empty_store, tmp_path / "mlflow.db")
    return f"sqlite:///{tmp_path}/mlflow.db"


@pytest.fixture
def client(uri: str) -> MlflowClient:
    """What a user of MLflow sees."""
    from mlflow.tracking import MlflowClient

    return MlflowClient(tracking_uri=uri)


@pytest.fixture
def open_sweep_logger(uri: str) -> Iterator[Callable[..., SweepLogger]]:
    from sweepkit.tracking.sweep_logger import SweepLogger

    opened = []

    def call(*, at: str = uri, run_id: str | None = None, **changes: Any) -> SweepLogger:
        opened.append(SweepLogger.open(at, metadata(**changes), run_id=run_id))
        return opened[-1]

    yield call
    for sweep_logger in opened:
        sweep_logger.close()


@pytest.fixture
def sweep_folder(tmp_path: Path) -> SweepFolder:
    return SweepFolder(Storage.at(str(tmp_path / "runs")), "some")


@pytest.fixture
def folder(sweep_folder: SweepFolder) -> TrialFolder:
    return sweep_folder.trial(3)


@pytest.fixture
def report() -> Callable[..., Report]:
    def call(epoch: int, **metrics: float) -> Report:
        return Report(epoch, metrics or {"loss": 1 / epoch}, 1_700_000_000.25 + epoch)

    return call


@pytest.fixture(scope="session")
def server_app(empty_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[object]:
    folder = tmp_path_factory.mktemp("server")
    shutil.copy(empty_store, folder / "mlflow.db")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("_MLFLOW_SERVER_FILE_STORE", f"sqlite:///{folder}/mlflow.db")
        environment.setenv("_MLFLOW_SERVER_ARTIFACT_ROOT", str(folder / "artifacts"))
        from mlflow.server import app

        yield app


@pytest.fixture
def server(server_app: object) -> Iterator[Server]:
    server = Server(server_app)
    yield server
    server.stop()
