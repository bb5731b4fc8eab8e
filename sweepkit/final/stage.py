"""The last stage of a sweep: its leaders again from fresh seeds, the winner once on the test split, and its bundle.

A sweep's best value is the best of many, so it flatters. Here the leaders are trained again as a small sweep of its
own, `<sweep>/final`, which goes on where it stopped like any other; ranked by their means on validation; compared
row by row; and only the winner is measured on the test split. Try `run_final(plan_final(problem), options, observer)`.
"""

from __future__ import annotations

import contextlib
import logging
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sweepkit.config.definition import SweepDefinition
from sweepkit.config.schema import Final, Search, SweepConfig
from sweepkit.data.dataset import PreparedData
from sweepkit.driver.claim import find_sweep
from sweepkit.driver.controller import SweepController
from sweepkit.driver.data import FoundData, find_data
from sweepkit.driver.observer import Observer
from sweepkit.driver.run import RunOptions, finished_records, open_runner, trial_settings_of
from sweepkit.driver.tracking import TrialRuns, close, describe_data, finish, is_synced, open_sweep_logger, results_of
from sweepkit.errors import InputError, SweepFailed
from sweepkit.final.candidates import Candidate, candidate_results, choose_candidates, missing_points
from sweepkit.final.evaluate import FinalEvaluation
from sweepkit.final.test_split import forget_predictions
from sweepkit.redaction import hidden_in
from sweepkit.results.final_result import CandidateResult, FinalResult
from sweepkit.runners.interface import Runner
from sweepkit.storage.layout import SweepPaths
from sweepkit.storage.lock import DriverLock, check_free
from sweepkit.storage.manifest import amend
from sweepkit.storage.storage import Storage
from sweepkit.study.journal import Journal
from sweepkit.study.journal_file import open_journal
from sweepkit.study.study import SweepStudy
from sweepkit.tracking.registry import register
from sweepkit.tracking.sweep_logger import SweepLogger
from sweepkit.trial.request import TrialSettings, trial_seed
from sweepkit.trial.trial import Direction, Trial

logger = logging.getLogger(__name__)

# numbers of trials are far below it, so that no trial of the sweep had one of these seeds
_FRESH = 2**31


@dataclass(frozen=True)
class FinalPlan:
    """What the final stage of a sweep is going to do.

    Attributes:
        sweep: the sweep, under the name that its folder has.
        definition: the final stage as a sweep of its own.
        settings: how many leaders and seeds.
        finalists: who takes part.
        n_unfinished: trials of the sweep that have not ended and take no part.
        data: the sweep's data.
    """

    sweep: SweepDefinition
    definition: SweepDefinition
    settings: Final
    finalists: list[Candidate]
    n_unfinished: int
    data: FoundData

    @property
    def paths(self) -> SweepPaths:
        """The sweep's."""
        return SweepPaths(self.sweep.config.sweep)

    @property
    def direction(self) -> Direction:
        return Direction(self.sweep.config.objective.mode)


def plan_final(definition: SweepDefinition) -> FinalPlan:
    """Choose who takes part; touches nothing.

    Raises:
        InputError: the sweep has not been run, has no trial to choose from, or is being run at this moment.
    """
    storage, data = Storage.at(definition.config.storage.uri), find_data(definition)
    sweep = find_sweep(definition, storage, data_key=data.key)
    paths, config = SweepPaths(sweep.config.sweep), sweep.config
    check_free(storage, paths, where=str(definition.source), now=time.time())
    settings = config.final or Final()
    with open_journal(storage, paths, read_only=True) as journal:
        trials = Journal.read(journal, config).trials()
    ended = [trial for trial in trials if trial.state]
    chosen = choose_candidates(ended, sweep.package, direction=Direction(config.objective.mode), top=settings.top)
    if not chosen:
        raise InputError(
            f"no trial of {config.sweep!r} has ended with a finite {config.objective.metric!r}; "
            f"run the sweep first: `python -m sweepkit run {definition.source}`",
            where=f"{storage.shown}/{paths.root}",
        )
    own = replace(sweep, config=_final_spec(config, len(chosen) * settings.seeds), space=sweep.package.space)
    return FinalPlan(sweep, own, settings, chosen, len(trials) - len(ended), data)


def run_final(plan: FinalPlan, options: RunOptions, observer: Observer, *, again: bool = False) -> FinalResult:
    """Run the final stage, or go on with it, to its end; where it has ended already, return what it found.

    Args:
        plan: who takes part.
        options: how to run.
        observer: whoever wants to see it.
        again: look at the test split another time; every look is counted.

    Raises:
        InputError: the input is wrong; nothing was started.
        SweepFailed: no run of a leader completed.
    """
    storage = Storage.at(plan.sweep.config.storage.uri)
    stored = stored_result(storage, plan.paths)
    if stored and not again and _is_complete(plan, stored, storage):
        return stored
    storage.check_writable()
    with ThreadPoolExecutor(1) as background, contextlib.ExitStack() as stack:
        lock = stack.enter_context(DriverLock(storage, doing="final", where=str(plan.sweep.source)))
        lock.take(plan.paths)
        _write_manifest(plan, storage)
        opening = background.submit(_open_tracker, plan, storage)
        runner = stack.enter_context(open_runner(plan.definition, options))
        prepared = plan.data.prepare(storage, runner, observer.progress)
        sweep_logger = opening.result()
        if sweep_logger:
            stack.callback(close, sweep_logger, storage, plan.definition.config.sweep)
            describe_data(sweep_logger, prepared)
        trial_settings = trial_settings_of(plan.definition, storage, prepared, runner, sweep_logger)
        trials = _train(plan, storage, prepared, sweep_logger, runner, trial_settings, observer, lock)
        ranking = _ranking(plan, trials)
        judge = FinalEvaluation(plan.sweep, plan.definition, storage, trial_settings, runner, observer)
        result = judge.judge(ranking, trials, prepared=prepared, again=again)
        if sweep_logger:
            sweep_logger.finish(status="finished", **_found(plan, trials, result))
            amend(storage, plan.definition.config.sweep, ended="finished")
            result = replace(result, registered=_registered(plan, storage, sweep_logger))
        storage.write_json(plan.paths.final_result, result.to_json())
        return result


def stored_result(storage: Storage, paths: SweepPaths) -> FinalResult | None:
    """Return what a sweep's final stage found, if it has come to its end."""
    if not storage.exists(paths.final_result):
        return None
    return FinalResult.from_json(storage.read_json(paths.final_result))


def _final_spec(config: SweepConfig, n_runs: int) -> SweepConfig:
    """Return the settings of the final stage: no rule compares its runs, and all of them keep their checkpoints."""
    return config.model_copy(
        update={
            "sweep": SweepPaths(config.sweep).final.sweep,
            "search": Search(sampler="random", trials=1, seed=trial_seed(config.search.seed, _FRESH)),
            "stopping": config.stopping.model_copy(update={"rule": "none"}),
            "storage": config.storage.model_copy(update={"keep": n_runs}),
            "tracking": config.tracking.model_copy(update={"experiment": config.tracking.experiment or config.sweep}),
        }
    )


def _is_complete(plan: FinalPlan, result: FinalResult, storage: Storage) -> bool:
    """Tell whether a result is of these finalists, seeds and epochs, and all that comes after it has been done."""
    if finished_records(plan.definition, storage) is None or not is_synced(storage, plan.definition.config.sweep):
        return False
    names = {candidate.name for candidate in plan.finalists} <= {candidate.name for candidate in result.candidates}
    registered = result.registered is not None or not plan.definition.config.tracking.enabled
    return result.n_seeds == plan.settings.seeds and names and registered and storage.exists(plan.paths.winner)


def _write_manifest(plan: FinalPlan, storage: Storage) -> None:
    name = plan.paths.final.manifest
    before = storage.read_json(name) if storage.exists(name) else {"format": 1}
    storage.write_json(name, before | {"spec": hidden_in(plan.definition.config.model_dump(mode="json"))})


def _open_tracker(plan: FinalPlan, storage: Storage) -> SweepLogger | None:
    parent = storage.read_json(plan.paths.manifest).get("parent_run_id")
    return open_sweep_logger(plan.definition, storage, plan.data.key, parent=parent)


def _train(
    plan: FinalPlan,
    storage: Storage,
    prepared: PreparedData,
    sweep_logger: SweepLogger | None,
    runner: Runner,
    trial_settings: TrialSettings,
    observer: Observer,
    lock: DriverLock,
) -> list[Trial]:
    """Run what is missing of the finalists' runs and return all of them."""
    definition, paths = plan.definition, plan.paths.final
    with open_journal(storage, paths) as journal:
        study = SweepStudy.open(journal, definition.config, definition.space)
        forget_predictions(storage, plan.paths, study.extensible())
        study.extend()
        study.queue(missing_points(plan.finalists, study.queued(), seeds=plan.settings.seeds))
        runs = TrialRuns(sweep_logger, storage, prepared, definition) if sweep_logger else None
        if runs:
            runs.log_again(study.trials())
        workers = runner.resources.n_workers
        controller = SweepController(
            study, definition.config, storage=storage, runs=runs, observer=observer, workers=workers, lost=lock.lost
        )
        try:
            with study.running(workers):
                runner.run(controller, trial_settings)
                controller.check()
        except BaseException:
            if sweep_logger:
                finish(sweep_logger, definition, storage, study.trials(), "interrupted")
            raise
        if controller.over:
            raise SweepFailed(f"the final stage ended: {controller.over}; the same command goes on with it")
        return study.trials()


def _ranking(plan: FinalPlan, trials: Sequence[Trial]) -> list[CandidateResult]:
    found = candidate_results(
        plan.finalists, trials, direction=plan.direction, seeds=plan.settings.seeds, paths=plan.paths.final
    )
    if not found or found[0].is_baseline:
        reason = next((trial.reason for trial in trials if trial.reason), "none was started")
        raise SweepFailed(f"no run of a leading trial completed in the final stage: {reason}")
    return found


def _found(plan: FinalPlan, trials: Sequence[Trial], result: FinalResult) -> dict[str, Any]:
    """Return what the stage's run shows in the tracking store: `SweepLogger.finish`'s arguments."""
    look = result.look
    figures = {"mean": result.winner.mean} | ({"test_accuracy": look.accuracy} if look else {})
    found = results_of(plan.definition, list(trials))
    return found | {"best": {**found["best"], "candidate": result.winner.name, **figures}}


def _registered(plan: FinalPlan, storage: Storage, sweep_logger: SweepLogger) -> str | None:
    """Put the winner's bundle into the model registry; None, with a warning, when the store does not take it."""
    run_id = storage.read_json(plan.paths.manifest).get("parent_run_id") or sweep_logger.parent_run_id
    sweep_logger.flush()  # a store that is a file has one writer at a time
    with tempfile.TemporaryDirectory(prefix="sweepkit-winner-") as scratch:
        folder = Path(scratch) / "winner"
        storage.get_folder(plan.paths.winner, folder)
        try:
            model = register(
                sweep_logger.uri, run_id=run_id, folder=folder, name=plan.sweep.config.sweep, example="A text to label."
            )
        except InputError as error:
            logger.warning("%s; `final` again tries again", error)
            return None
    return model.uri
