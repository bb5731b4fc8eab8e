"""A whole sweep, from its checked YAML to its leaderboard: `run_sweep` is the program's table of contents.

Nothing is printed here: a `SweepCallback` shows a sweep as it runs. Try
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
        folder: of the sweep.
        leaderboard: all of its trials.
        best: the winner.
        checkpoint: the folder of the winner's best checkpoint.
        over: why the sweep ended before all of its trials had run; None if all of them have.
        tracking_uri: the MLflow store, without credentials; None when tracking is off.
    """

    folder: SweepFolder
    leaderboard: Leaderboard
    best: Trial
    checkpoint: str
    over: str | None
    tracking_uri: str | None


def run_sweep(definition: SweepDefinition, options: RunOptions, callback: SweepCallback) -> SweepResult:
    """Run a sweep, or resume it, to its end.

    Raises:
        InputError: the input is wrong, or the sweep is already running; nothing was started.
        SweepFailed: no trial completed, or more failed than the budget allows.
        StorageFault: the storage cannot be written; the same call resumes once it can.
    """
    storage = Storage.at(definition.config.storage.uri)
    storage.check_writable()
    # before the claim: the key of the data is one of the settings by which a sweep recognises its folder
    data = find_data(definition)
    with DriverLock("run", where=str(definition.source)) as lock:
        with before_start():
            folder, manifest = claim_sweep(definition, storage, data_key=data.key, new=options.new, lock=lock.take)
        # under the lock: before it, another driver might still have been ending trials
        sweep = read_sweep(folder)
        # without a cluster or prepared data, which a finished sweep does not need
        if sweep.is_finished(definition.config.stopping.max_epochs, sweep.n_trials):
            if definition.config.tracking.enabled and not manifest.is_synced:
                _sync_the_rest(sweep)
            return _finish(definition, folder, sweep.leaderboard)
        with open_session(Claim(definition, folder, manifest, data, lock), options, callback) as session:
            # not before the session: the models are built by a worker, from prepared data
            check_cudnn(session.runner, session.trial_settings, definition.space)
            return _run_trials(session)


def prepare_data(definition: SweepDefinition, options: RunOptions, callback: SweepCallback) -> PreparedData:
    """Prepare a sweep's data, unless it is prepared already.

    Raises:
        InputError: the data is missing or malformed, or the storage cannot be written.
    """
    storage = Storage.at(definition.config.storage.uri)
    data = find_data(definition)
    if data.is_prepared(storage):
        # a cluster takes seconds to start, and would have nothing to do
        return data.prepare(storage, InlineRunner(definition.config.resources), callback.on_progress)
    with open_runner(definition, options) as runner:
        return data.prepare(storage, runner, callback.on_progress)


def _run_trials(session: SweepSession) -> SweepResult:
    definition, train = session.definition, session.dataset.manifest.splits["train"]
    n_rows, mean_tokens = float(train.rows), train.lengths["mean"]
    # under the lock: a journal in a bucket is copied here and written back, and a second writer would undo the first
    with open_journal(session.folder) as journal:
        study = SweepStudy.open(
            journal,
            definition.config,
            definition.space,
            cost=lambda params: definition.package.epoch_gflop(params, n_rows, mean_tokens),
        )
        # the journal may be of a run with fewer epochs; trials that it ended at its last epoch become unfinished
        study.extend()
        over = run_trials(session, study)
        board = study.leaderboard()
    return _finish(definition, session.folder, board, runs=session.runs, over=over)


def _sync_the_rest(sweep: Sweep) -> None:
    """Upload what the store of a finished sweep lacks, since no later run will."""
    try:
        sync_sweep(sweep)
    except InputError as error:  # the store may still be unreachable, which is no reason to hide the leaderboard
        logger.warning("%s", error)


def _finish(
    definition: SweepDefinition,
    folder: SweepFolder,
    board: Leaderboard,
    *,
    runs: SweepRuns | None = None,
    over: str | None = None,
) -> SweepResult:
    """Write the leaderboard, end the sweep's run, and raise if the sweep has no winner."""
    # the leaderboard and the run before the exception: a sweep that failed shows its trials too
    folder.storage.write_json(folder.paths.leaderboard, board.rows())
    failure = _failure(definition, board.trials, over)
    if runs:
        # `keep` as in the storage, where no other checkpoints are left
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
    """Return why a sweep has no winner; None if it has one."""
    # by the count and not by `over` alone, which may also be a budget that is used up: such a sweep has a winner
    n_failed = sum(trial.state is TrialState.FAILED for trial in trials)
    if over and n_failed > definition.config.budget.failures:
        return f"the sweep ended: {over}"
    if not any(trial.state is TrialState.COMPLETE for trial in trials):
        last = next((trial.reason for trial in reversed(trials) if trial.state is TrialState.FAILED), None)
        return f"no trial completed: {over or last or 'none was started'}"
    return None
