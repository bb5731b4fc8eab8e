"""A whole sweep, from its checked YAML to its leaderboard: `run_sweep` reads as the program's table of contents.

It prints nothing: what shows a sweep as it runs is a `SweepCallback`. Try
`run_sweep(definition, RunOptions(inline=True), callback)`.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from sweepkit.config.definition import SweepDefinition
from sweepkit.data.dataset import PreparedData
from sweepkit.driver.callback import SweepCallback
from sweepkit.driver.claim import claim_sweep
from sweepkit.driver.data import find_data
from sweepkit.driver.preflight import check_cudnn
from sweepkit.driver.session import Claim, RunOptions, SweepSession, open_runner, open_session, run_trials
from sweepkit.driver.sync import sync_sweep
from sweepkit.driver.tracking import SweepRuns
from sweepkit.errors import InputError, SweepFailed
from sweepkit.results.sweep import Sweep, read_sweep
from sweepkit.runners.inline import InlineRunner
from sweepkit.storage.lock import DriverLock
from sweepkit.storage.storage import Storage
from sweepkit.storage.sweep_folder import SweepFolder
from sweepkit.storage.write_errors import before_start
from sweepkit.study.local_journal import open_journal
from sweepkit.study.study import SweepStudy
from sweepkit.trial.leaderboard import Leaderboard
from sweepkit.trial.trial import Trial, TrialState

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SweepResult:
    """A finished sweep.

    Attributes:
        folder: where it is.
        leaderboard: all of its trials.
        best: the winner.
        checkpoint: the folder of the winner's best checkpoint.
        over: why it ended before all of its trials; None when it has them all.
        tracking_uri: the MLflow store, without credentials; None when tracking is off.
    """

    folder: SweepFolder
    leaderboard: Leaderboard
    best: Trial
    checkpoint: str
    over: str | None
    tracking_uri: str | None


def run_sweep(definition: SweepDefinition, options: RunOptions, callback: SweepCallback) -> SweepResult:
    """Run a sweep, or go on with it, to its end.

    Raises:
        InputError: the input is wrong, or the sweep is being run already; nothing was started.
        SweepFailed: no trial completed, or more failed than the budget allows.
        StorageFault: the storage takes no more; the same call goes on when it does again.
    """
    storage = Storage.at(definition.config.storage.uri)
    storage.check_writable()
    data = find_data(definition)
    with DriverLock("run", where=str(definition.source)) as lock:
        with before_start():
            folder, manifest = claim_sweep(definition, storage, data_key=data.key, new=options.new, lock=lock.take)
        sweep = read_sweep(folder)
        if sweep.is_finished(definition.config.stopping.max_epochs, sweep.n_trials):
            if definition.config.tracking.enabled and not manifest.is_synced:
                _sync_the_rest(sweep)
            return _finish(definition, folder, sweep.leaderboard)
        with open_session(Claim(definition, folder, manifest, data, lock), options, callback) as session:
            check_cudnn(session.runner, session.trial_settings, definition.space)
            return _run_trials(session)


def prepare_data(definition: SweepDefinition, options: RunOptions, callback: SweepCallback) -> PreparedData:
    """Prepare a sweep's data, or find it prepared.

    Raises:
        InputError: the data is missing or malformed, or the storage cannot be written.
    """
    storage = Storage.at(definition.config.storage.uri)
    data = find_data(definition)
    if data.is_prepared(storage):
        # a cluster takes seconds to start, and there is nothing for it to do
        return data.prepare(storage, InlineRunner(definition.config.resources), callback.on_progress)
    with open_runner(definition, options) as runner:
        return data.prepare(storage, runner, callback.on_progress)


def _run_trials(session: SweepSession) -> SweepResult:
    definition, train = session.definition, session.dataset.manifest.splits["train"]
    n_rows, mean_tokens = float(train.rows), train.lengths["mean"]
    with open_journal(session.folder) as journal:
        study = SweepStudy.open(
            journal,
            definition.config,
            definition.space,
            cost=lambda params: definition.package.epoch_gflop(params, n_rows, mean_tokens),
        )
        study.extend()
        over = run_trials(session, study)
        board = study.leaderboard()
    return _finish(definition, session.folder, board, runs=session.runs, over=over)


def _sync_the_rest(sweep: Sweep) -> None:
    """Upload what the store of a finished sweep lacks, since no run will; the store may still be unreachable."""
    try:
        sync_sweep(sweep)
    except InputError as error:
        logger.warning("%s", error)


def _finish(
    definition: SweepDefinition,
    folder: SweepFolder,
    board: Leaderboard,
    *,
    runs: SweepRuns | None = None,
    over: str | None = None,
) -> SweepResult:
    """Write the leaderboard, end the sweep's run, and raise where the sweep has no winner."""
    folder.storage.write_json(folder.paths.leaderboard, board.rows())
    failure = _failure(definition, board.trials, over)
    if runs:
        runs.finish("failed" if failure else "finished", board, keep=definition.config.storage.keep)
    if failure:
        raise SweepFailed(f"{failure}; `python -m sweepkit status {folder.shown()}` has the tracebacks")
    best = board.leaders[0]
    assert best.best_epoch is not None, "a ranked trial has a best epoch"
    return SweepResult(
        folder=folder,
        leaderboard=board,
        best=best,
        checkpoint=folder.shown(folder.paths.trial(best.number).checkpoint(best.best_epoch)),
        over=over,
        tracking_uri=folder.manifest().tracking_uri if definition.config.tracking.enabled else None,
    )


def _failure(definition: SweepDefinition, trials: Sequence[Trial], over: str | None) -> str | None:
    """Return why a sweep has no winner to offer; None when it has."""
    n_failed = sum(trial.state is TrialState.FAILED for trial in trials)
    if over and n_failed > definition.config.budget.failures:
        return f"the sweep ended: {over}"
    if not any(trial.state is TrialState.COMPLETE for trial in trials):
        last = next((trial.reason for trial in reversed(trials) if trial.state is TrialState.FAILED), None)
        return f"no trial completed: {over or last or 'none was started'}"
    return None
