"""A store that is down, slow, ill or overrun while a sweep runs, seen from the driver's classes: nobody waits, nothing
is missing afterwards, nothing is there twice."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from sweepkit.storage.sweep_folder import SweepFolder
from sweepkit.tracking import spool
from sweepkit.tracking.pending_runs import is_pending
from sweepkit.tracking.trial_logger import TrackingTarget, TrialLogger
from sweepkit.trial.trial import Report, Trial
from tests.support.made_up_runs import ending, metadata
from tests.support.proxies import Proxy, before
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from mlflow.entities import Run

    from sweepkit.tracking.sweep_logger import SweepLogger
    from tests.support.servers import Server

pytestmark = [
    pytest.mark.mlflow,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy is deprecated"),
    pytest.mark.filterwarnings("ignore:starlette.middleware.wsgi is deprecated"),
]
N_TRIALS, N_EPOCHS = 4, 3


@pytest.fixture
def proxy(server: Server) -> Iterator[Proxy]:
    with before(server.uri) as proxy:
        yield proxy


@pytest.fixture
def sweep_logger(proxy: Proxy) -> Iterator[SweepLogger]:
    sweep_logger = opened(proxy)
    yield sweep_logger
    proxy.hold.set()
    sweep_logger.close(5)


@pytest.fixture
def asking_threads(monkeypatch: pytest.MonkeyPatch) -> set[threading.Thread]:
    """The threads that have sent a request to a server: whoever is not among them has waited for none."""
    import requests

    threads: set[threading.Thread] = set()
    send = requests.Session.send

    def noted(session: Any, *arguments: Any, **options: Any) -> Any:
        threads.add(threading.current_thread())
        return send(session, *arguments, **options)

    monkeypatch.setattr(requests.Session, "send", noted)
    return threads


def opened(proxy: Proxy, run_id: str | None = None) -> SweepLogger:
    from sweepkit.tracking.sweep_logger import SweepLogger

    sweep_logger = SweepLogger.open(proxy.uri, metadata(experiment="outages"), run_id=run_id)
    sweep_logger._queue._retry_s = 0.05
    return sweep_logger


def down(proxy: Proxy, server: Server) -> Callable[[], None]:
    server.stop()
    return server.start


def ill(proxy: Proxy, server: Server) -> Callable[[], None]:
    proxy.status = 500
    return lambda: setattr(proxy, "status", None)


def overrun(proxy: Proxy, server: Server) -> Callable[[], None]:
    proxy.status = 429
    return lambda: setattr(proxy, "status", None)


def stuck(proxy: Proxy, server: Server) -> Callable[[], None]:
    proxy.hold.clear()
    return proxy.hold.set


def run_trials(
    sweep_logger: SweepLogger, sweep_folder: SweepFolder, *, start: int = 0, stop: int = N_TRIALS
) -> list[str]:
    """Do what the driver and its workers do, with trials that take no time."""
    run_ids = []
    for number in range(start, stop):
        trial, folder = Trial(number, {"units": number}), sweep_folder.trial(number)
        run_id = sweep_logger.start_trial(trial)
        run_ids.append(run_id)
        log = TrialLogger(TrackingTarget(sweep_logger.uri, run_id), folder)
        for epoch in range(1, 1 + N_EPOCHS):
            log.log(Report(epoch, {"loss": number + 1 / epoch}, 1.7e9 + epoch))
            sweep_logger.collect(run_id, folder)
        log.close()
        sweep_logger.collect(run_id, folder, has_ended=True)
        sweep_logger.end_trial(run_id, ending(trial, ended=1.7e9))
    return run_ids


def has_everything(sweep_logger: SweepLogger) -> bool:
    """Wait until the queue is empty: on a busy machine the first requests may fail once more."""
    wait_until(lambda: sweep_logger.flush(1), "the store has everything")
    return sweep_logger.close(60)


def runs_of(server: Server, sweep_logger: SweepLogger) -> list[Run]:
    from mlflow.tracking import MlflowClient

    query = f"tags.`mlflow.parentRunId` = '{sweep_logger.parent_run_id}'"
    return list(MlflowClient(tracking_uri=server.uri).search_runs([sweep_logger.experiment_id], filter_string=query))


def assert_complete(
    server: Server, sweep_logger: SweepLogger, sweep_folder: SweepFolder, *, n_trials: int = N_TRIALS
) -> None:
    """Every trial has one run that has ended, and every epoch is there once."""
    from mlflow.tracking import MlflowClient

    runs = runs_of(server, sweep_logger)
    assert sorted(run.data.params["units"] for run in runs) == [str(number) for number in range(n_trials)]
    for run in runs:
        history = MlflowClient(tracking_uri=server.uri).get_metric_history(run.info.run_id, "loss")
        assert Counter(metric.step for metric in history) == dict.fromkeys(range(1, 1 + N_EPOCHS), 1)
        assert (run.info.status, run.info.end_time) == ("FINISHED", 1_700_000_000_000)
        assert run.data.tags["sweepkit.outcome"] == "complete"
        assert spool.is_empty(sweep_folder.trial(int(run.data.params["units"])))


@pytest.mark.parametrize("outage", [down, ill, overrun, stuck])
def test_nothing_waits_and_nothing_is_missing_when_the_store_is_back(
    proxy: Proxy,
    server: Server,
    sweep_logger: SweepLogger,
    sweep_folder: SweepFolder,
    outage: Callable[..., Callable[[], None]],
    asking_threads: set[threading.Thread],
    caplog: pytest.LogCaptureFixture,
) -> None:
    run_trials(sweep_logger, sweep_folder, stop=1)
    assert sweep_logger.flush()
    recover = outage(proxy, server)
    asking_threads.clear()
    run_ids = run_trials(sweep_logger, sweep_folder, start=1)
    assert threading.current_thread() not in asking_threads
    assert all(map(is_pending, run_ids))
    recover()
    assert has_everything(sweep_logger)
    assert asking_threads
    assert_complete(server, sweep_logger, sweep_folder)
    warnings = [message for message in caplog.messages if "is unreachable" in message or "is slow" in message]
    assert 1 <= len(warnings) <= 2, "once, not with every call"


def test_a_server_that_fails_for_minutes_is_waited_for(
    proxy: Proxy, server: Server, sweep_logger: SweepLogger, sweep_folder: SweepFolder, caplog: pytest.LogCaptureFixture
) -> None:
    """Many more failures than a single call is allowed."""
    proxy.status = 500
    run_trials(sweep_logger, sweep_folder)
    asked = proxy.n_asked
    wait_until(lambda: proxy.n_asked >= asked + 30, "thirty more requests")
    proxy.status = None
    assert has_everything(sweep_logger)
    assert_complete(server, sweep_logger, sweep_folder)
    assert not [message for message in caplog.messages if "gave up" in message]


def test_trials_do_not_wait_for_a_slow_server_and_all_arrives(
    proxy: Proxy,
    server: Server,
    sweep_logger: SweepLogger,
    sweep_folder: SweepFolder,
    asking_threads: set[threading.Thread],
    caplog: pytest.LogCaptureFixture,
) -> None:
    proxy.delay_s = 0.7  # longer than a driver waits for a run
    asking_threads.clear()
    run_ids = run_trials(sweep_logger, sweep_folder)
    assert threading.current_thread() not in asking_threads
    assert all(map(is_pending, run_ids))
    proxy.delay_s = 0.0
    assert has_everything(sweep_logger)
    assert asking_threads
    assert_complete(server, sweep_logger, sweep_folder)
    (warning,) = (message for message in caplog.messages if "slow" in message)
    assert warning.endswith("is slow to answer; no trial waits for it")


def test_reports_of_a_long_trial_arrive_as_soon_as_the_server_is_back(
    proxy: Proxy, server: Server, sweep_logger: SweepLogger, sweep_folder: SweepFolder, caplog: pytest.LogCaptureFixture
) -> None:
    """Its worker retries only with its next report, and the driver has no way to learn of its failures."""
    folder = sweep_folder.trial(0)
    run_id = sweep_logger.start_trial(Trial(0, {"units": 0}))
    assert sweep_logger.flush()
    proxy.status = 503
    log = TrialLogger(TrackingTarget(sweep_logger.uri, run_id), folder)
    for epoch in (1, 2):
        log.log(Report(epoch, {"loss": 1.0}, 1.7e9))
        sweep_logger.collect(run_id, folder)
    assert not sweep_logger.flush(30)
    assert "is unreachable; updates are queued until it answers" in caplog.text
    proxy.status = None
    assert sweep_logger.close(30)
    assert spool.is_empty(folder)
    log.close()


def test_a_sweep_goes_on_while_the_server_is_down_and_is_uploaded_afterwards(
    proxy: Proxy, server: Server, sweep_logger: SweepLogger, sweep_folder: SweepFolder
) -> None:
    run_trials(sweep_logger, sweep_folder, stop=2)
    assert sweep_logger.close(30)
    server.stop()
    again = opened(proxy, sweep_logger.parent_run_id)
    run_trials(again, sweep_folder, start=2)
    server.start()
    assert has_everything(again)
    assert_complete(server, sweep_logger, sweep_folder)


def test_an_attempt_that_was_answered_too_late_leaves_one_run(
    server: Server, sweep_logger: SweepLogger, sweep_folder: SweepFolder
) -> None:
    """Two runs of a trial, one of them empty, as a time-out of the first attempt leaves them."""
    tags = {"mlflow.parentRunId": sweep_logger.parent_run_id, "sweepkit.trial": "0"}
    for _ in range(2):
        sweep_logger._store.create_run(sweep_logger.experiment_id, name="0000", tags=tags)
    run_id = sweep_logger.start_trial(Trial(0, {"units": 0}, run_id="pending-0000"))
    assert sweep_logger.flush()
    assert [run.info.run_id for run in runs_of(server, sweep_logger)] == [run_id]


def test_a_store_that_is_down_at_the_end_is_named_with_the_remedy(
    proxy: Proxy, server: Server, sweep_logger: SweepLogger, sweep_folder: SweepFolder, caplog: pytest.LogCaptureFixture
) -> None:
    sweep_logger.remedy = "`python -m sweepkit sync runs/sweeps/some` uploads the rest when it is reachable again"
    server.stop()
    run_trials(sweep_logger, sweep_folder)
    assert not sweep_logger.close(30)
    server.start()
    assert caplog.messages[-1] == (
        f"tracking store {proxy.uri} is missing a part of this sweep; nothing is lost, and "
        "`python -m sweepkit sync runs/sweeps/some` uploads the rest when it is reachable again"
    )
