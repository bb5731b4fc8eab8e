"""A worker's reports on their way: to the spool, and from there to a server."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sweepkit.storage.layout import TrialPaths
from sweepkit.storage.storage import Storage
from sweepkit.tracking.trial_logger import TrackingTarget, TrialLogger
from sweepkit.trial.trial import Report

if TYPE_CHECKING:
    from sweepkit.tracking.sweep_logger import SweepLogger
    from tests.support.servers import Server

on_server = [
    pytest.mark.mlflow,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy is deprecated"),
    pytest.mark.filterwarnings("ignore:starlette.middleware.wsgi is deprecated"),
]
MakeReport = Callable[..., Report]


def test_where_the_store_is_a_file_reports_wait_for_the_driver(
    storage: Storage, paths: TrialPaths, report: MakeReport
) -> None:
    log = TrialLogger(TrackingTarget("sqlite:////nowhere/mlflow.db", "0af3"), storage, paths, tags={"host": "one"})
    log.log(report(1))
    log.log(report(2))
    assert not log.close()
    assert storage.names(paths.spool) == ["epoch-0001.json", "epoch-0002.json"]
    first, second = (storage.read_json(paths.spooled(epoch)) for epoch in (1, 2))
    assert Report.from_json(first["report"]) == report(1)
    assert (first["tags"], second["tags"]) == ({"host": "one"}, {})


def test_a_log_without_reports_leaves_nothing(storage: Storage, paths: TrialPaths) -> None:
    assert TrialLogger(TrackingTarget("sqlite:////nowhere/mlflow.db", "0af3"), storage, paths).close()


def test_logging_takes_a_few_milliseconds(storage: Storage, paths: TrialPaths, report: MakeReport) -> None:
    """Usually under one; the bound is on the median, for the machine has other things to do too."""
    log = TrialLogger(TrackingTarget("sqlite:////nowhere/mlflow.db", "0af3"), storage, paths)
    seconds = []
    for epoch in range(1, 21):
        started = time.perf_counter()
        log.log(report(epoch))
        seconds.append(time.perf_counter() - started)
    assert statistics.median(seconds) < 0.005


def test_a_worker_imports_no_mlflow_where_the_store_is_a_file(tmp_path: Path) -> None:
    script = f"""
import sys
from sweepkit.storage.layout import SweepPaths
from sweepkit.trial.trial import Report
from sweepkit.storage.storage import Storage
from sweepkit.tracking.trial_logger import TrackingTarget, TrialLogger
log = TrialLogger(TrackingTarget("sqlite:////a.db", "0af3"), Storage.at({str(tmp_path)!r}), SweepPaths("s").trial(1))
log.log(Report(1, {{}}, 0.0))
log.close()
sys.exit("mlflow" in sys.modules)
"""
    subprocess.run([sys.executable, "-c", script], cwd=Path(__file__).parents[2], check=True)


class TestOnServer:
    pytestmark = on_server

    def opened(self, server: Server, parent_run_id: str | None = None) -> SweepLogger:
        from sweepkit.tracking.sweep_logger import SweepLogger

        sweep_logger = SweepLogger.open(uri=server.uri, experiment="cells", sweep="some", parent_run_id=parent_run_id)
        sweep_logger._background._retry_s, sweep_logger._pending._patience_s = 0.05, 30.0
        return sweep_logger

    def losses(self, server: Server, run_id: str) -> list[tuple[int, float]]:
        from mlflow.tracking import MlflowClient

        history = MlflowClient(tracking_uri=server.uri).get_metric_history(run_id, "loss")
        return [(metric.step, metric.value) for metric in history]

    def test_a_worker_sends_its_reports_itself(
        self, server: Server, storage: Storage, paths: TrialPaths, report: MakeReport
    ) -> None:
        sweep_logger = self.opened(server)
        run_id = sweep_logger.start_trial(number=3, name="0003", params={})
        log = TrialLogger(TrackingTarget(sweep_logger.uri, run_id), storage, paths)
        log.log(report(1))
        log.log(report(2))
        assert log.close(30)
        assert self.losses(server, run_id) == [(1, 1.0), (2, 0.5)]
        assert sweep_logger.close()

    def test_what_a_worker_could_not_send_is_sent_when_the_server_is_back(
        self, server: Server, storage: Storage, paths: TrialPaths, report: MakeReport
    ) -> None:
        sweep_logger = self.opened(server)
        run_id = sweep_logger.start_trial(number=3, name="0003", params={})
        assert sweep_logger.flush()
        log = TrialLogger(TrackingTarget(sweep_logger.uri, run_id), storage, paths)
        server.stop()
        log.log(report(1))
        assert not log.close(30)
        sweep_logger.collect(run_id, storage, paths, has_ended=True)
        sweep_logger.end_trial(run_id, state="complete", reason="r", best_value=1.0, best_epoch=1, metric="m")
        assert not sweep_logger.flush()
        server.start()
        assert sweep_logger.close()
        assert self.losses(server, run_id) == [(1, 1.0)]

    def test_a_trial_that_starts_while_the_server_is_away_gets_its_run_afterwards(
        self, server: Server, storage: Storage, paths: TrialPaths, report: MakeReport
    ) -> None:
        from mlflow.tracking import MlflowClient

        sweep_logger = self.opened(server)
        server.stop()
        run_id = sweep_logger.start_trial(number=3, name="0003 gru", params={"cell": "gru"})
        assert run_id == "pending-0003"
        log = TrialLogger(TrackingTarget(sweep_logger.uri, run_id), storage, paths)
        log.log(report(1))
        log.close()
        sweep_logger.collect(run_id, storage, paths)
        server.start()
        assert sweep_logger.close()
        client = MlflowClient(tracking_uri=server.uri)
        wanted = f"tags.`mlflow.parentRunId` = '{sweep_logger.parent_run_id}'"
        (run,) = client.search_runs([sweep_logger.experiment_id], filter_string=wanted)
        assert run.info.run_name == "0003 gru"
        assert run.data.params == {"cell": "gru"}
        assert self.losses(server, run.info.run_id) == [(1, 1.0)]
        # the driver died before it learnt the real id: the trial goes on in the run that was made
        again = self.opened(server, sweep_logger.parent_run_id)
        assert again.start_trial(number=3, name="0003 gru", params={}, run_id="pending-0003") == run.info.run_id
        assert again.close()

    def test_artifacts_reach_a_server(self, server: Server, tmp_path: Path) -> None:
        from mlflow.tracking import MlflowClient

        (tmp_path / "epoch-0004").mkdir()
        (tmp_path / "epoch-0004/state.json").write_text("{}")
        sweep_logger = self.opened(server)
        run_id = sweep_logger.start_trial(number=3, name="0003", params={})
        sweep_logger.log_checkpoint(run_id, tmp_path / "epoch-0004")
        sweep_logger.finish(status="finished", leaderboard={"rank": [1]}, best={})
        assert sweep_logger.close()
        client = MlflowClient(tracking_uri=server.uri)
        assert [file.path for file in client.list_artifacts(run_id, "checkpoint")] == ["checkpoint/state.json"]
        assert [file.path for file in client.list_artifacts(sweep_logger.parent_run_id)] == ["leaderboard.json"]
