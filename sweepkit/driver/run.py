"""A whole sweep, from its checked YAML to its winner: `run_sweep` reads as the program's table of contents.

Not for printing: whoever wants to see it run passes an `Observer`. Try
`run_sweep(problem, RunOptions(inline=True), observer)`.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import sweepkit
from sweepkit.config.definition import SweepDefinition
from sweepkit.config.schedule import n_trials
from sweepkit.data.dataset import PreparedData
from sweepkit.driver.claim import claim_sweep
from sweepkit.driver.controller import SweepController
from sweepkit.driver.data import FoundData, find_data
from sweepkit.driver.observer import Observer
from sweepkit.driver.preflight import check_cudnn
from sweepkit.driver.sync import sync_sweep
from sweepkit.driver.tracking import (
    TrialRuns,
    close,
    describe_data,
    finish,
    is_synced,
    keep_checkpoints,
    note_synced,
    open_tracker,
)
from sweepkit.errors import InputError, SweepFailed
from sweepkit.runners.inline import InlineRunner
from sweepkit.runners.interface import Runner
from sweepkit.storage.layout import SweepPaths
from sweepkit.storage.lock import DriverLock
from sweepkit.storage.storage import Storage
from sweepkit.storage.write_errors import before_start
from sweepkit.study.journal import Journal
from sweepkit.study.journal_file import open_journal
from sweepkit.study.study import SweepStudy
from sweepkit.tracking.sweep_logger import SweepLogger
from sweepkit.tracking.uris import located, shown
from sweepkit.trial.leaderboard import ranked, table
from sweepkit.trial.request import TrialSettings
from sweepkit.trial.trial import Direction, Trial, TrialState

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How to run, which decides nothing of the results.

    Attributes:
        address: a running Ray cluster; None starts one on this machine.
        inline: run trials one by one in this process, without Ray.
        new: start a new sweep where one that differs is in the way.
    """

    address: str | None = None
    inline: bool = False
    new: bool = False


@dataclass(frozen=True, slots=True)
class SweepResult:
    """A finished sweep.

    Attributes:
        sweep: its name in the storage.
        records: all of its trials.
        best: the winner.
        checkpoint: the folder of the winner's best checkpoint.
        over: why it ended before all of its trials; None when it has them all.
        tracking_uri: the MLflow store, without credentials; None when tracking is off.
    """

    sweep: str
    records: list[Trial]
    best: Trial
    checkpoint: str
    over: str | None
    tracking_uri: str | None


def run_sweep(problem: SweepDefinition, options: RunOptions, observer: Observer) -> SweepResult:
    """Run a sweep, or go on with it, to its end.

    Raises:
        InputError: the input is wrong, or the sweep is being run already; nothing was started.
        SweepFailed: no trial completed, or more failed than the budget allows.
        StorageFault: the storage takes no more; the same call goes on when it does again.
    """
    storage = Storage.at(problem.spec.storage.uri)
    storage.check_writable()
    data = find_data(problem)
    with DriverLock(storage, doing="run", where=str(problem.source)) as lock:
        with before_start():
            problem = claim_sweep(problem, storage, data_key=data.key, new=options.new, lock=lock.take)
        finished = finished_records(problem, storage)
        if finished is not None:
            _tell_the_rest(problem, storage)
            return _finish(problem, storage, None, finished, over=None)
        return _run(problem, storage, data, lock, options, observer)


def _run(
    problem: SweepDefinition,
    storage: Storage,
    data: FoundData,
    lock: DriverLock,
    options: RunOptions,
    observer: Observer,
) -> SweepResult:
    with ThreadPoolExecutor(1) as background, contextlib.ExitStack() as stack:
        # the first start of an MLflow store and that of a Ray cluster take seconds each
        opening = background.submit(open_tracker, problem, storage, data.key)
        runner = stack.enter_context(open_runner(problem, options))
        with before_start():
            prepared = data.prepare(storage, runner, observer.progress)
            tracker = opening.result()
        if tracker:
            stack.callback(close, tracker, storage, problem.spec.sweep)
            describe_data(tracker, prepared)
        job = job_of(problem, storage, prepared, runner, tracker)
        check_cudnn(runner, job, problem.space)
        return _run_trials(
            problem,
            storage,
            prepared,
            tracker,
            observer,
            lambda referee: runner.run(referee, job),
            workers=runner.share.n_workers,
            lost=lock.lost,
        )


def finished_records(problem: SweepDefinition, storage: Storage) -> list[Trial] | None:
    """Return all trials of a sweep that has as many as it is to have, all ended; None while there is work left."""
    paths = SweepPaths(problem.spec.sweep)
    if not storage.exists(paths.journal):
        return None
    with open_journal(storage, paths, read_only=True) as journal:
        found = Journal.read(journal, problem.spec)
        records, extensible = found.records(), found.extensible()
    n_ended = sum(record.outcome is not None for record in records) - len(extensible)
    return records if n_ended == len(records) >= n_trials(problem.spec, problem.space) else None


def prepare_data(problem: SweepDefinition, options: RunOptions, observer: Observer) -> PreparedData:
    """Prepare a sweep's data, or find it prepared.

    Raises:
        InputError: the data is missing or malformed, or the storage cannot be written.
    """
    storage = Storage.at(problem.spec.storage.uri)
    data = find_data(problem)
    if data.is_prepared(storage):
        # a cluster takes seconds to start, and there is nothing for it to do
        return data.prepare(storage, InlineRunner(problem.spec.resources), observer.progress)
    with open_runner(problem, options) as runner:
        return data.prepare(storage, runner, observer.progress)


@contextlib.contextmanager
def open_runner(problem: SweepDefinition, options: RunOptions) -> Iterator[Runner]:
    """Open the place to run on: this process, a running cluster, or one on this machine."""
    if options.inline:
        yield InlineRunner(problem.spec.resources)
        return
    from sweepkit.runners.ray_tune import cluster  # here: --inline needs no Ray

    modules = [Path(sweepkit.__file__).parent, problem.package.folder]
    with cluster.connect(options.address, modules=modules, wanted=problem.spec.resources) as connected:
        yield connected


def job_of(
    problem: SweepDefinition, storage: Storage, prepared: PreparedData, runner: Runner, tracker: SweepLogger | None
) -> TrialSettings:
    """Return what the trials of a sweep share."""
    return TrialSettings(
        package=problem.spec.package,
        sweep=problem.spec.sweep,
        storage_uri=storage.uri,
        data_key=prepared.manifest.key,
        data=problem.data.model_dump(mode="json"),
        metric=problem.spec.objective.metric,
        mode=problem.spec.objective.mode,
        deterministic=problem.spec.deterministic,
        threads=runner.share.cpu,
        gpu=runner.share.gpu,
        tracking_uri=tracker.uri if tracker else None,
        timeout_minutes=problem.spec.budget.timeout_minutes,
        worker_memory_gb=problem.spec.resources.worker_memory_gb,
        nn=problem.spec.nn,
    )


def _run_trials(
    problem: SweepDefinition,
    storage: Storage,
    prepared: PreparedData,
    tracker: SweepLogger | None,
    observer: Observer,
    run: Callable[[SweepController], None],
    *,
    workers: int,
    lost: Callable[[], str | None],
) -> SweepResult:
    paths, spec = SweepPaths(problem.spec.sweep), problem.spec
    train = prepared.manifest.splits["train"]
    n_rows, mean_tokens = float(train.rows), train.lengths["mean"]
    with open_journal(storage, paths) as journal:
        study = SweepStudy.open(
            journal, spec, problem.space, cost=lambda point: problem.package.epoch_gflop(point, n_rows, mean_tokens)
        )
        study.extend()
        runs = TrialRuns(tracker, storage, prepared, problem) if tracker else None
        if runs:
            runs.log_again(study.records())
        referee = SweepController(
            study, spec, storage=storage, runs=runs, observer=observer, workers=workers, lost=lost
        )
        try:
            with study.running(workers):
                run(referee)
                referee.check()
        except BaseException:
            if tracker:
                finish(tracker, problem, storage, study.records(), "interrupted")
            raise
        records = study.records()
    return _finish(problem, storage, tracker, records, over=referee.over)


def _tell_the_rest(problem: SweepDefinition, storage: Storage) -> None:
    """Tell the store of a finished sweep what it missed, since no run will; it may be away still."""
    if not problem.spec.tracking.enabled or is_synced(storage, problem.spec.sweep):
        return
    try:
        sync_sweep(storage, paths := SweepPaths(problem.spec.sweep))
        note_synced(storage, paths)
    except InputError as error:
        logger.warning("%s", error)


def _finish(
    problem: SweepDefinition,
    storage: Storage,
    tracker: SweepLogger | None,
    records: list[Trial],
    *,
    over: str | None,
) -> SweepResult:
    """Write the leaderboard, tell the tracker, and say whether the sweep has a winner."""
    spec, paths = problem.spec, SweepPaths(problem.spec.sweep)
    metric, mode = spec.objective.metric, Direction(spec.objective.mode)
    storage.write_json(paths.leaderboard, table(records, metric=metric, mode=mode))
    leaders = ranked(records, mode)
    failure = _failure(problem, records, over)
    if tracker:
        keep_checkpoints(tracker, storage, paths, leaders[: spec.storage.keep])
        finish(tracker, problem, storage, records, "failed" if failure else "finished")
    if failure:
        raise SweepFailed(f"{failure}; `python -m sweepkit status {storage.shown}/{paths.root}` has the tracebacks")
    best = leaders[0]
    assert best.best_epoch is not None, "a ranked trial has a best epoch"
    return SweepResult(
        sweep=spec.sweep,
        records=records,
        best=best,
        checkpoint=f"{storage.shown}/{paths.trial(best.number).checkpoint(best.best_epoch)}",
        over=over,
        tracking_uri=shown(located(spec.tracking.uri)) if spec.tracking.enabled else None,
    )


def _failure(problem: SweepDefinition, records: list[Trial], over: str | None) -> str | None:
    """Say why a sweep has no winner to offer; None when it has."""
    n_failed = sum(record.outcome is TrialState.FAILED for record in records)
    if over and n_failed > problem.spec.budget.failures:
        return f"the sweep ended: {over}"
    if not any(record.outcome is TrialState.COMPLETE for record in records):
        last = next((record.reason for record in reversed(records) if record.outcome is TrialState.FAILED), None)
        return f"no trial completed: {over or last or 'none was started'}"
    return None
