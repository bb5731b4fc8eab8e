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
from sweepkit.driver.run import RunOptions, finished_records, job_of, open_runner
from sweepkit.driver.tracking import TrialRuns, close, describe_data, finish, is_synced, open_tracker, results_of
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
        problem: the final stage as a sweep of its own.
        settings: how many leaders and seeds.
        finalists: who takes part.
        n_unfinished: trials of the sweep that have not ended and take no part.
        data: the sweep's data.
    """

    sweep: SweepDefinition
    problem: SweepDefinition
    settings: Final
    finalists: list[Candidate]
    n_unfinished: int
    data: FoundData

    @property
    def paths(self) -> SweepPaths:
        """The sweep's."""
        return SweepPaths(self.sweep.spec.sweep)

    @property
    def mode(self) -> Direction:
        return Direction(self.sweep.spec.objective.mode)


def plan_final(problem: SweepDefinition) -> FinalPlan:
    """Choose who takes part; touches nothing.

    Raises:
        InputError: the sweep has not been run, has no trial to choose from, or is being run at this moment.
    """
    storage, data = Storage.at(problem.spec.storage.uri), find_data(problem)
    sweep = find_sweep(problem, storage, data_key=data.key)
    paths, spec = SweepPaths(sweep.spec.sweep), sweep.spec
    check_free(storage, paths, where=str(problem.source), now=time.time())
    settings = spec.final or Final()
    with open_journal(storage, paths, read_only=True) as journal:
        records = Journal.read(journal, spec).records()
    ended = [record for record in records if record.outcome]
    chosen = choose_candidates(ended, sweep.package, mode=Direction(spec.objective.mode), top=settings.top)
    if not chosen:
        raise InputError(
            f"no trial of {spec.sweep!r} has ended with a finite {spec.objective.metric!r}; "
            f"run the sweep first: `python -m sweepkit run {problem.source}`",
            where=f"{storage.shown}/{paths.root}",
        )
    own = replace(sweep, spec=_final_spec(spec, len(chosen) * settings.seeds), space=sweep.package.space)
    return FinalPlan(sweep, own, settings, chosen, len(records) - len(ended), data)


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
    storage = Storage.at(plan.sweep.spec.storage.uri)
    stored = stored_result(storage, plan.paths)
    if stored and not again and _is_complete(plan, stored, storage):
        return stored
    storage.check_writable()
    with ThreadPoolExecutor(1) as background, contextlib.ExitStack() as stack:
        lock = stack.enter_context(DriverLock(storage, doing="final", where=str(plan.sweep.source)))
        lock.take(plan.paths)
        _write_manifest(plan, storage)
        opening = background.submit(_open_tracker, plan, storage)
        runner = stack.enter_context(open_runner(plan.problem, options))
        prepared = plan.data.prepare(storage, runner, observer.progress)
        tracker = opening.result()
        if tracker:
            stack.callback(close, tracker, storage, plan.problem.spec.sweep)
            describe_data(tracker, prepared)
        job = job_of(plan.problem, storage, prepared, runner, tracker)
        records = _train(plan, storage, prepared, tracker, runner, job, observer, lock)
        ranking = _ranking(plan, records)
        judge = FinalEvaluation(plan.sweep, plan.problem, storage, job, runner, observer)
        result = judge.judge(ranking, records, prepared=prepared, again=again)
        if tracker:
            tracker.finish(status="finished", **_found(plan, records, result))
            amend(storage, plan.problem.spec.sweep, ended="finished")
            result = replace(result, registered=_registered(plan, storage, tracker))
        storage.write_json(plan.paths.final_result, result.to_json())
        return result


def stored_result(storage: Storage, paths: SweepPaths) -> FinalResult | None:
    """Return what a sweep's final stage found, if it has come to its end."""
    if not storage.exists(paths.final_result):
        return None
    return FinalResult.from_json(storage.read_json(paths.final_result))


def _final_spec(spec: SweepConfig, n_runs: int) -> SweepConfig:
    """Return the settings of the final stage: no rule compares its runs, and all of them keep their checkpoints."""
    return spec.model_copy(
        update={
            "sweep": SweepPaths(spec.sweep).final.sweep,
            "search": Search(sampler="random", trials=1, seed=trial_seed(spec.search.seed, _FRESH)),
            "stopping": spec.stopping.model_copy(update={"rule": "none"}),
            "storage": spec.storage.model_copy(update={"keep": n_runs}),
            "tracking": spec.tracking.model_copy(update={"experiment": spec.tracking.experiment or spec.sweep}),
        }
    )


def _is_complete(plan: FinalPlan, result: FinalResult, storage: Storage) -> bool:
    """Tell whether a result is of these finalists, seeds and epochs, and all that comes after it has been done."""
    if finished_records(plan.problem, storage) is None or not is_synced(storage, plan.problem.spec.sweep):
        return False
    names = {candidate.name for candidate in plan.finalists} <= {candidate.name for candidate in result.candidates}
    registered = result.registered is not None or not plan.problem.spec.tracking.enabled
    return result.n_seeds == plan.settings.seeds and names and registered and storage.exists(plan.paths.winner)


def _write_manifest(plan: FinalPlan, storage: Storage) -> None:
    name = plan.paths.final.manifest
    before = storage.read_json(name) if storage.exists(name) else {"format": 1}
    storage.write_json(name, before | {"spec": hidden_in(plan.problem.spec.model_dump(mode="json"))})


def _open_tracker(plan: FinalPlan, storage: Storage) -> SweepLogger | None:
    parent = storage.read_json(plan.paths.manifest).get("parent_run_id")
    return open_tracker(plan.problem, storage, plan.data.key, parent=parent)


def _train(
    plan: FinalPlan,
    storage: Storage,
    prepared: PreparedData,
    tracker: SweepLogger | None,
    runner: Runner,
    job: TrialSettings,
    observer: Observer,
    lock: DriverLock,
) -> list[Trial]:
    """Run what is missing of the finalists' runs and return all of them."""
    problem, paths = plan.problem, plan.paths.final
    with open_journal(storage, paths) as journal:
        study = SweepStudy.open(journal, problem.spec, problem.space)
        forget_predictions(storage, plan.paths, study.extensible())
        study.extend()
        study.queue(missing_points(plan.finalists, study.queued(), seeds=plan.settings.seeds))
        runs = TrialRuns(tracker, storage, prepared, problem) if tracker else None
        if runs:
            runs.log_again(study.records())
        workers = runner.share.n_workers
        referee = SweepController(
            study, problem.spec, storage=storage, runs=runs, observer=observer, workers=workers, lost=lock.lost
        )
        try:
            with study.running(workers):
                runner.run(referee, job)
                referee.check()
        except BaseException:
            if tracker:
                finish(tracker, problem, storage, study.records(), "interrupted")
            raise
        if referee.over:
            raise SweepFailed(f"the final stage ended: {referee.over}; the same command goes on with it")
        return study.records()


def _ranking(plan: FinalPlan, records: Sequence[Trial]) -> list[CandidateResult]:
    found = candidate_results(
        plan.finalists, records, mode=plan.mode, seeds=plan.settings.seeds, paths=plan.paths.final
    )
    if not found or found[0].is_baseline:
        reason = next((record.reason for record in records if record.reason), "none was started")
        raise SweepFailed(f"no run of a leading trial completed in the final stage: {reason}")
    return found


def _found(plan: FinalPlan, records: Sequence[Trial], result: FinalResult) -> dict[str, Any]:
    """Return what the stage's run shows in the tracking store: `SweepLogger.finish`'s arguments."""
    look = result.look
    figures = {"mean": result.winner.mean} | ({"test_accuracy": look.accuracy} if look else {})
    found = results_of(plan.problem, list(records))
    return found | {"best": {**found["best"], "candidate": result.winner.name, **figures}}


def _registered(plan: FinalPlan, storage: Storage, tracker: SweepLogger) -> str | None:
    """Put the winner's bundle into the model registry; None, with a warning, when the store does not take it."""
    run_id = storage.read_json(plan.paths.manifest).get("parent_run_id") or tracker.parent_run_id
    tracker.flush()  # a store that is a file has one writer at a time
    with tempfile.TemporaryDirectory(prefix="sweepkit-winner-") as scratch:
        folder = Path(scratch) / "winner"
        storage.get_folder(plan.paths.winner, folder)
        try:
            model = register(
                tracker.uri, run_id=run_id, folder=folder, name=plan.sweep.spec.sweep, example="A text to label."
            )
        except InputError as error:
            logger.warning("%s; `final` again tries again", error)
            return None
    return model.uri
