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
    open_sweep_logger,
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
        trials: all of its trials.
        best: the winner.
        checkpoint: the folder of the winner's best checkpoint.
        over: why it ended before all of its trials; None when it has them all.
        tracking_uri: the MLflow store, without credentials; None when tracking is off.
    """

    sweep: str
    trials: list[Trial]
    best: Trial
    checkpoint: str
    over: str | None
    tracking_uri: str | None


def run_sweep(definition: SweepDefinition, options: RunOptions, observer: Observer) -> SweepResult:
    """Run a sweep, or go on with it, to its end.

    Raises:
        InputError: the input is wrong, or the sweep is being run already; nothing was started.
        SweepFailed: no trial completed, or more failed than the budget allows.
        StorageFault: the storage takes no more; the same call goes on when it does again.
    """
    storage = Storage.at(definition.config.storage.uri)
    storage.check_writable()
    data = find_data(definition)
    with DriverLock(storage, doing="run", where=str(definition.source)) as lock:
        with before_start():
            definition = claim_sweep(definition, storage, data_key=data.key, new=options.new, lock=lock.take)
        finished = finished_records(definition, storage)
        if finished is not None:
            _tell_the_rest(definition, storage)
            return _finish(definition, storage, None, finished, over=None)
        return _run(definition, storage, data, lock, options, observer)


def _run(
    definition: SweepDefinition,
    storage: Storage,
    data: FoundData,
    lock: DriverLock,
    options: RunOptions,
    observer: Observer,
) -> SweepResult:
    with ThreadPoolExecutor(1) as background, contextlib.ExitStack() as stack:
        # the first start of an MLflow store and that of a Ray cluster take seconds each
        opening = background.submit(open_sweep_logger, definition, storage, data.key)
        runner = stack.enter_context(open_runner(definition, options))
        with before_start():
            prepared = data.prepare(storage, runner, observer.progress)
            sweep_logger = opening.result()
        if sweep_logger:
            stack.callback(close, sweep_logger, storage, definition.config.sweep)
            describe_data(sweep_logger, prepared)
        trial_settings = trial_settings_of(definition, storage, prepared, runner, sweep_logger)
        check_cudnn(runner, trial_settings, definition.space)
        return _run_trials(
            definition,
            storage,
            prepared,
            sweep_logger,
            observer,
            lambda controller: runner.run(controller, trial_settings),
            workers=runner.resources.n_workers,
            lost=lock.lost,
        )


def finished_records(definition: SweepDefinition, storage: Storage) -> list[Trial] | None:
    """Return all trials of a sweep that has as many as it is to have, all ended; None while there is work left."""
    paths = SweepPaths(definition.config.sweep)
    if not storage.exists(paths.journal):
        return None
    with open_journal(storage, paths, read_only=True) as journal:
        found = Journal.read(journal, definition.config)
        trials, extensible = found.trials(), found.extensible()
    n_ended = sum(trial.state is not None for trial in trials) - len(extensible)
    return trials if n_ended == len(trials) >= n_trials(definition.config, definition.space) else None


def prepare_data(definition: SweepDefinition, options: RunOptions, observer: Observer) -> PreparedData:
    """Prepare a sweep's data, or find it prepared.

    Raises:
        InputError: the data is missing or malformed, or the storage cannot be written.
    """
    storage = Storage.at(definition.config.storage.uri)
    data = find_data(definition)
    if data.is_prepared(storage):
        # a cluster takes seconds to start, and there is nothing for it to do
        return data.prepare(storage, InlineRunner(definition.config.resources), observer.progress)
    with open_runner(definition, options) as runner:
        return data.prepare(storage, runner, observer.progress)


@contextlib.contextmanager
def open_runner(definition: SweepDefinition, options: RunOptions) -> Iterator[Runner]:
    """Open the place to run on: this process, a running cluster, or one on this machine."""
    if options.inline:
        yield InlineRunner(definition.config.resources)
        return
    from sweepkit.runners.ray_tune import cluster  # here: --inline needs no Ray

    modules = [Path(sweepkit.__file__).parent, definition.package.folder]
    with cluster.connect(options.address, modules=modules, wanted=definition.config.resources) as connected:
        yield connected


def trial_settings_of(
    definition: SweepDefinition,
    storage: Storage,
    prepared: PreparedData,
    runner: Runner,
    sweep_logger: SweepLogger | None,
) -> TrialSettings:
    """Return what the trials of a sweep share."""
    return TrialSettings(
        package=definition.config.package,
        sweep=definition.config.sweep,
        storage_uri=storage.uri,
        data_key=prepared.manifest.key,
        data=definition.data.model_dump(mode="json"),
        metric=definition.config.objective.metric,
        direction=Direction(definition.config.objective.mode),
        deterministic=definition.config.deterministic,
        threads=runner.resources.cpu,
        gpu=runner.resources.gpu,
        tracking_uri=sweep_logger.uri if sweep_logger else None,
        timeout_minutes=definition.config.budget.timeout_minutes,
        worker_memory_gb=definition.config.resources.worker_memory_gb,
        nn=definition.config.nn,
    )


def _run_trials(
    definition: SweepDefinition,
    storage: Storage,
    prepared: PreparedData,
    sweep_logger: SweepLogger | None,
    observer: Observer,
    run: Callable[[SweepController], None],
    *,
    workers: int,
    lost: Callable[[], str | None],
) -> SweepResult:
    paths, config = SweepPaths(definition.config.sweep), definition.config
    train = prepared.manifest.splits["train"]
    n_rows, mean_tokens = float(train.rows), train.lengths["mean"]
    with open_journal(storage, paths) as journal:
        study = SweepStudy.open(
            journal,
            config,
            definition.space,
            cost=lambda params: definition.package.epoch_gflop(params, n_rows, mean_tokens),
        )
        study.extend()
        runs = TrialRuns(sweep_logger, storage, prepared, definition) if sweep_logger else None
        if runs:
            runs.log_again(study.trials())
        controller = SweepController(
            study, config, storage=storage, runs=runs, observer=observer, workers=workers, lost=lost
        )
        try:
            with study.running(workers):
                run(controller)
                controller.check()
        except BaseException:
            if sweep_logger:
                finish(sweep_logger, definition, storage, study.trials(), "interrupted")
            raise
        trials = study.trials()
    return _finish(definition, storage, sweep_logger, trials, over=controller.over)


def _tell_the_rest(definition: SweepDefinition, storage: Storage) -> None:
    """Tell the store of a finished sweep what it missed, since no run will; it may be away still."""
    if not definition.config.tracking.enabled or is_synced(storage, definition.config.sweep):
        return
    try:
        sync_sweep(storage, paths := SweepPaths(definition.config.sweep))
        note_synced(storage, paths)
    except InputError as error:
        logger.warning("%s", error)


def _finish(
    definition: SweepDefinition,
    storage: Storage,
    sweep_logger: SweepLogger | None,
    trials: list[Trial],
    *,
    over: str | None,
) -> SweepResult:
    """Write the leaderboard, tell the tracker, and say whether the sweep has a winner."""
    config, paths = definition.config, SweepPaths(definition.config.sweep)
    metric, direction = config.objective.metric, Direction(config.objective.mode)
    storage.write_json(paths.leaderboard, table(trials, metric=metric, direction=direction))
    leaders = ranked(trials, direction)
    failure = _failure(definition, trials, over)
    if sweep_logger:
        keep_checkpoints(sweep_logger, storage, paths, leaders[: config.storage.keep])
        finish(sweep_logger, definition, storage, trials, "failed" if failure else "finished")
    if failure:
        raise SweepFailed(f"{failure}; `python -m sweepkit status {storage.shown}/{paths.root}` has the tracebacks")
    best = leaders[0]
    assert best.best_epoch is not None, "a ranked trial has a best epoch"
    return SweepResult(
        sweep=config.sweep,
        trials=trials,
        best=best,
        checkpoint=f"{storage.shown}/{paths.trial(best.number).checkpoint(best.best_epoch)}",
        over=over,
        tracking_uri=shown(located(config.tracking.uri)) if config.tracking.enabled else None,
    )


def _failure(definition: SweepDefinition, trials: list[Trial], over: str | None) -> str | None:
    """Say why a sweep has no winner to offer; None when it has."""
    n_failed = sum(trial.state is TrialState.FAILED for trial in trials)
    if over and n_failed > definition.config.budget.failures:
        return f"the sweep ended: {over}"
    if not any(trial.state is TrialState.COMPLETE for trial in trials):
        last = next((trial.reason for trial in reversed(trials) if trial.state is TrialState.FAILED), None)
        return f"no trial completed: {over or last or 'none was started'}"
    return None
