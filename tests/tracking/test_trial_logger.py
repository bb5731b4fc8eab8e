"""The reports of a trial on their way from its worker: to the spool, and from there to the store."""

from __future__ import annotations

import dataclasses
import math
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sweepkit.storage.sweep_folder import TrialFolder
from sweepkit.tracking import spool
from sweepkit.tracking.errors import UnreachableError
from sweepkit.tracking.run_endings import RunEnding
from sweepkit.tracking.trial_logger import TrackingTarget, TrialLogger
from sweepkit.trial.trial import Report, Trial
from tests.support.commands import ROOT
from tests.support.made_up_runs import ending, metadata

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

    from sweepkit.tracking.sweep_logger import SweepLogger
    from tests.support.servers import Server

MakeReport = Callable[..., Report]
TRIAL = Trial(3, {"cell": "gru"})


def test_where_the_store_is_a_file_reports_wait_for_the_driver(folder: TrialFolder, report: MakeReport) -> None:
    log = TrialLogger(TrackingTarget("sqlite:////nowhere/mlflow.db", "0af3"), folder, tags={"host": "one"})
    log.log(report(1))
    log.log(report(2))
    assert not log.close()
    assert folder.storage.names(folder.paths.spool) == ["epoch-0001.json", "epoch-0002.json"]
    first, second = (folder.storage.read_json(folder.paths.spooled(epoch)) for epoch in (1, 2))
    assert Report.from_json(first["report"]) == report(1)
    assert (first["tags"], second["tags"]) == ({"host": "one"}, {})


def test_logging_does_not_wait_for_a_store_that_hangs(
    folder: TrialFolder, report: MakeReport, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_asked, release, gave_up = threading.Event(), threading.Event(), threading.Event()

    def hang(uri: str) -> None:
        is_asked.set()
        if not release.wait(60):
            gave_up.set()
        raise UnreachableError("it hung")

    monkeypatch.setattr("sweepkit.tracking.trial_logger._connect", hang)
    log = TrialLogger(TrackingTarget("http://127.0.0.1:9", "0af3"), folder)
    log.log(report(1))
    assert is_asked.wait(60)
    log.log(report(2))
    assert not log.close()
    assert folder.storage.names(folder.paths.spool) == ["epoch-0001.json", "epoch-0002.json"]
    assert not gave_up.is_set()
    release.set()


def test_a_worker_imports_no_mlflow_where_the_store_is_a_file(tmp_path: Path) -> None:
    script = f"""
import sys
from sweepkit.storage.storage import Storage
from sweepkit.storage.sweep_folder import SweepFolder
from sweepkit.tracking.trial_logger import TrackingTarget, TrialLogger
from sweepkit.trial.trial import Report
folder = SweepFolder(Storage.at({str(tmp_path)!r}), "s").trial(1)
log = TrialLogger(TrackingTarget("sqlite:////a.db", "0af3"), folder)
log.log(Report(1, {{}}, 0.0))
log.close()
print(*sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True, capture_output=True, text=True)
    assert "sweepkit.tracking.trial_logger" in done.stdout.split()
    assert "mlflow" not in done.stdout.split()


@pytest.mark.mlflow
@pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy is deprecated")
@pytest.mark.filterwarnings("ignore:starlette.middleware.wsgi is deprecated")
class TrialLogConformance:
    """What every store has of a trial's reports in the end, whichever process sent them."""

    @pytest.fixture
    def store(self) -> str:
        """The address of an empty store."""
        raise NotImplementedError

    @pytest.fixture
    def client(self, store: str) -> MlflowClient:
        from mlflow.tracking import MlflowClient

        return MlflowClient(tracking_uri=store)

    @pytest.fixture
    def sweep_logger(self, store: str) -> Iterator[SweepLogger]:
        sweep_logger = opened(store)
        yield sweep_logger
        sweep_logger.close()

    def test_reports_arrive_with_their_epoch_as_step(
        self, sweep_logger: SweepLogger, client: MlflowClient, folder: TrialFolder, report: MakeReport
    ) -> None:
        run_id = sweep_logger.start_trial(TRIAL)
        log = TrialLogger(TrackingTarget(sweep_logger.uri, run_id), folder, tags={"sweepkit.host": "one"})
        for epoch in (1, 2):
            log.log(report(epoch))
            sweep_logger.collect(run_id, folder)
        log.close(30)
        sweep_logger.collect(run_id, folder, has_ended=True)
        assert sweep_logger.flush()
        history = client.get_metric_history(run_id, "loss")
        assert [(metric.step, metric.value, metric.timestamp) for metric in history] == [
            (1, 1.0, 1_700_000_001_250),
            (2, 0.5, 1_700_000_002_250),
        ]
        assert client.get_run(run_id).data.tags["sweepkit.host"] == "one"
        assert spool.is_empty(folder)

    def test_a_report_that_is_sent_twice_arrives_once(
        self, sweep_logger: SweepLogger, client: MlflowClient, folder: TrialFolder, report: MakeReport
    ) -> None:
        run_id = sweep_logger.start_trial(TRIAL)
        for _ in range(2):
            log = TrialLogger(TrackingTarget(sweep_logger.uri, run_id), folder)
            log.log(report(1, loss=0.5, other=math.nan))
            log.close(30)
            sweep_logger.collect(run_id, folder, has_ended=True)
            assert sweep_logger.flush()
            assert spool.is_empty(folder)
        assert len(client.get_metric_history(run_id, "loss")) == 1
        (other,) = client.get_metric_history(run_id, "other")
        assert math.isnan(other.value)

    def test_a_log_without_reports_leaves_nothing(
        self, sweep_logger: SweepLogger, client: MlflowClient, folder: TrialFolder
    ) -> None:
        run_id = sweep_logger.start_trial(TRIAL)
        log = TrialLogger(TrackingTarget(sweep_logger.uri, run_id), folder, tags={"sweepkit.host": "one"})
        assert log.close(30)
        assert sweep_logger.flush()
        assert client.get_run(run_id).data.metrics == {}
        assert "sweepkit.host" not in client.get_run(run_id).data.tags

    def test_a_trial_whose_run_the_driver_did_not_write_down_goes_on_in_it(
        self, sweep_logger: SweepLogger, store: str
    ) -> None:
        run_id = sweep_logger.start_trial(TRIAL)
        assert sweep_logger.close()
        again = opened(store, sweep_logger.parent_run_id)
        assert again.start_trial(dataclasses.replace(TRIAL, run_id="pending-0003")) == run_id
        assert again.close()

    def test_checkpoints_and_leaderboards_become_artifacts(
        self, sweep_logger: SweepLogger, client: MlflowClient, tmp_path: Path
    ) -> None:
        (tmp_path / "epoch-0004").mkdir()
        (tmp_path / "epoch-0004/state.json").write_text("{}")
        run_id = sweep_logger.start_trial(TRIAL)
        sweep_logger.log_checkpoint(run_id, tmp_path / "epoch-0004")
        sweep_logger.finish(RunEnding("FINISHED", {}, {}, None), {"rank": [1]})
        assert sweep_logger.close()
        assert [file.path for file in client.list_artifacts(run_id, "checkpoint")] == ["checkpoint/state.json"]
        assert [file.path for file in client.list_artifacts(sweep_logger.parent_run_id)] == ["leaderboard.json"]


def opened(uri: str, run_id: str | None = None) -> SweepLogger:
    """Open a sweep's logger that retries at once and is patient with a busy machine."""
    from sweepkit.tracking.sweep_logger import SweepLogger

    sweep_logger = SweepLogger.open(uri, metadata(), run_id=run_id)
    sweep_logger._queue._retry_s, sweep_logger._pending._patience_s = 0.05, 30.0
    return sweep_logger


class TestFileStore(TrialLogConformance):
    @pytest.fixture
    def store(self, uri: str) -> str:
        return uri


@pytest.mark.slow
class TestServer(TrialLogConformance):
    @pytest.fixture
    def store(self, server: Server) -> str:
        return server.uri

    def losses(self, server: Server, run_id: str) -> list[tuple[int, float]]:
        from mlflow.tracking import MlflowClient

        history = MlflowClient(tracking_uri=server.uri).get_metric_history(run_id, "loss")
        return [(metric.step, metric.value) for metric in history]

    def test_a_worker_sends_its_reports_itself(self, server: Server, folder: TrialFolder, report: MakeReport) -> None:
        sweep_logger = opened(server.uri)
        run_id = sweep_logger.start_trial(TRIAL)
        log = TrialLogger(TrackingTarget(sweep_logger.uri, run_id), folder)
        log.log(report(1))
        log.log(report(2))
        assert log.close(30)
        assert self.losses(server, run_id) == [(1, 1.0), (2, 0.5)]
        assert sweep_logger.close()

    def test_what_a_worker_could_not_send_is_sent_when_the_server_is_back(
        self, server: Server, folder: TrialFolder, report: MakeReport
    ) -> None:
        sweep_logger = opened(server.uri)
        run_id = sweep_logger.start_trial(TRIAL)
        assert sweep_logger.flush()
        log = TrialLogger(TrackingTarget(sweep_logger.uri, run_id), folder)
        server.stop()
        log.log(report(1))
        assert not log.close(30)
        sweep_logger.collect(run_id, folder, has_ended=True)
        sweep_logger.end_trial(run_id, ending(TRIAL))
        assert not sweep_logger.flush()
        server.start()
        assert sweep_logger.close()
        assert self.losses(server, run_id) == [(1, 1.0)]

    def test_a_trial_that_starts_while_the_server_is_down_gets_its_run_afterwards(
        self, server: Server, folder: TrialFolder, report: MakeReport
    ) -> None:
        from mlflow.tracking import MlflowClient

        sweep_logger = opened(server.uri)
        server.stop()
        run_id = sweep_logger.start_trial(TRIAL)
        assert run_id == "pending-0003"
        log = TrialLogger(TrackingTarget(sweep_logger.uri, run_id), folder)
        log.log(report(1))
        log.close()
        sweep_logger.collect(run_id, folder)
        server.start()
        assert sweep_logger.close()
        client = MlflowClient(tracking_uri=server.uri)
        query = f"tags.`mlflow.parentRunId` = '{sweep_logger.parent_run_id}'"
        (run,) = client.search_runs([sweep_logger.experiment_id], filter_string=query)
        assert run.info.run_name == "0003 gru"
        assert run.data.params == {"cell": "gru"}
        assert self.losses(server, run.info.run_id) == [(1, 1.0)]
        # the driver died before it learnt the real id: the trial goes on in the run that was made
        again = opened(server.uri, sweep_logger.parent_run_id)
        assert again.start_trial(dataclasses.replace(TRIAL, run_id="pending-0003")) == run.info.run_id
        assert again.close()
