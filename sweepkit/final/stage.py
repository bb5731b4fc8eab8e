"""The last stage of a sweep: its leaders again from fresh seeds, the winner once on the test split, and its bundle.

A sweep's best value is the best of many, so it flatters. Here the leaders are trained again as a small sweep in the
sweep's folder, which goes on where it stopped like any other; ranked by their means on validation; compared row by
row; and only the winner is measured on the test split. Try `run_final(plan_final(definition), options, callback)`.
"""

from __future__ import annotations

import logging
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sweepkit.config.definition import SweepDefinition
from sweepkit.config.schema import Final, Search, SweepConfig
from sweepkit.driver.callback import SweepCallback
from sweepkit.driver.claim import find_sweep
from sweepkit.driver.data import find_data
from sweepkit.driver.session import Claim, RunOptions, SweepSession, open_session, run_trials
from sweepkit.errors import InputError, SweepFailed
from sweepkit.final.candidates import Candidate, candidate_results, choose_candidates, missing_points
from sweepkit.final.evaluate import FinalEvaluation
from sweepkit.final.test_split import forget_predictions
from sweepkit.redaction import hidden_in
from sweepkit.results.final_result import CandidateResult, FinalResult, read_final
from sweepkit.results.sweep import read_sweep
from sweepkit.storage.lock import DriverLock, check_free
from sweepkit.storage.manifest import SweepManifest
from sweepkit.storage.storage import Storage
from sweepkit.storage.sweep_folder import SweepFolder
from sweepkit.study.journal import Journal
from sweepkit.study.local_journal import open_journal
from sweepkit.study.study import SweepStudy
from sweepkit.tasks.interface import FoundData
from sweepkit.tracking.registry import register
from sweepkit.tracking.sweep_logger import SweepLogger
from sweepkit.trial.leaderboard import Leaderboard
from sweepkit.trial.request import trial_seed
from sweepkit.trial.trial import Trial

logger = logging.getLogger(__name__)

# numbers of trials are far below it, so that no trial of the sweep had one of these seeds
_FRESH = 2**31


@dataclass(frozen=True)
class FinalPlan:
    """What the final stage of a sweep is going to do.

    Attributes:
        sweep: the sweep's definition.
        definition: the final stage as a sweep of its own.
        folder: the sweep's.
        manifest: the sweep's.
        candidates: who takes part.
        n_unfinished: trials of the sweep that have not ended and take no part.
        data: the sweep's data.
    """

    sweep: SweepDefinition
    definition: SweepDefinition
    folder: SweepFolder
    manifest: SweepManifest
    candidates: list[Candidate]
    n_unfinished: int
    data: FoundData

    @property
    def settings(self) -> Final:
        """How many leaders and seeds."""
        return self.sweep.config.final or Final()


def plan_final(definition: SweepDefinition) -> FinalPlan:
    """Choose who takes part; touches nothing.

    Raises:
        InputError: the sweep has not been run, has no trial to choose from, or is being run at this moment.
    """
    storage, data = Storage.at(definition.config.storage.uri), find_data(definition)
    folder, manifest = find_sweep(definition, storage, data_key=data.key)
    config, objective = definition.config, definition.config.objective
    check_free(folder, where=str(definition.source), now=time.time())
    settings = config.final or Final()
    with open_journal(folder, read_only=True) as journal:
        trials = Journal.read(journal, config).trials()
    ended = [trial for trial in trials if trial.state]
    candidates = choose_candidates(ended, definition.package, direction=objective.direction, top=settings.top)
    if not candidates:
        raise InputError(
            f"no trial of {folder.sweep!r} has ended with a finite {objective.metric!r}; "
            f"run the sweep first: `python -m sweepkit run {definition.source}`",
            where=folder.shown(),
        )
    own_config = _final_config(config, folder, len(candidates) * settings.seeds)
    own = replace(definition, config=own_config, space=definition.package.space)
    return FinalPlan(definition, own, folder, manifest, candidates, len(trials) - len(ended), data)


def run_final(plan: FinalPlan, options: RunOptions, callback: SweepCallback, *, again: bool = False) -> FinalResult:
    """Run the final stage, or go on with it, to its end; where it has ended already, return its result.

    Args:
        plan: who takes part.
        options: how to run.
        callback: is called with whatever happens.
        again: look at the test split another time; every look is counted.

    Raises:
        InputError: the input is wrong; nothing was started.
        DataError: what an earlier run of the final stage left is damaged.
        SweepFailed: no run of a leader completed.
    """
    folder, stored = plan.folder, read_final(plan.folder)
    if stored and not again and _is_complete(plan, stored):
        return stored
    folder.storage.check_writable()
    with DriverLock("final", where=str(plan.sweep.source)) as lock:
        lock.take(folder)
        claim = Claim(plan.definition, folder.final, _write_manifest(plan), plan.data, lock)
        with open_session(claim, options, callback) as session:
            board = _train(plan, session)
            ranking = _ranking(plan, board.trials)
            result = FinalEvaluation(plan.sweep, session).run(ranking, board.trials, again=again)
            if session.runs:
                session.runs.finish("finished", board, also=result.figures)
                result = replace(result, registered=_registered(plan, session.runs.logger))
            folder.storage.write_json(folder.paths.final_result, result.to_json())
            return result


def _final_config(config: SweepConfig, folder: SweepFolder, n_runs: int) -> SweepConfig:
    """Return the settings of the final stage: nothing is pruned, and all of its runs keep their checkpoints."""
    return config.model_copy(
        update={
            "search": Search(sampler="random", trials=1, seed=trial_seed(config.search.seed, _FRESH)),
            "stopping": config.stopping.model_copy(update={"rule": "none"}),
            "storage": config.storage.model_copy(update={"keep": n_runs}),
            "tracking": config.tracking.model_copy(update={"experiment": config.tracking.experiment or folder.sweep}),
        }
    )


def _is_complete(plan: FinalPlan, result: FinalResult) -> bool:
    """Tell whether a result is of these candidates, seeds and epochs, and all that comes after it has been done."""
    stage = plan.folder.final
    if not stage.exists() or not stage.manifest().is_synced:
        return False
    config = plan.definition.config
    if not read_sweep(stage).is_finished(config.stopping.max_epochs, config.search.trials):
        return False
    names = {candidate.name for candidate in plan.candidates} <= {candidate.name for candidate in result.candidates}
    registered = result.registered is not None or not plan.definition.config.tracking.enabled
    has_bundle = plan.folder.storage.exists(plan.folder.paths.winner)
    return result.n_seeds == plan.settings.seeds and names and registered and has_bundle


def _write_manifest(plan: FinalPlan) -> SweepManifest:
    stage = plan.folder.final
    settings = hidden_in(plan.definition.config.model_dump(mode="json")) | {"sweep": stage.title}
    if stage.exists():
        stage.update(settings=settings)
    else:
        stage.write(SweepManifest(settings))
    return stage.manifest()


def _train(plan: FinalPlan, session: SweepSession) -> Leaderboard:
    """Run what is missing of the candidates' runs and return all of them as they rank."""
    with open_journal(session.folder) as journal:
        study = SweepStudy.open(journal, plan.definition.config, plan.definition.space)
        forget_predictions(plan.folder, study.extensible())
        study.extend()
        study.queue(missing_points(plan.candidates, study.queued(), seeds=plan.settings.seeds))
        over = run_trials(session, study)
        if over:
            raise SweepFailed(f"the final stage ended: {over}; the same command goes on with it")
        return study.leaderboard()


def _ranking(plan: FinalPlan, trials: Sequence[Trial]) -> list[CandidateResult]:
    results = candidate_results(
        plan.candidates,
        trials,
        direction=plan.sweep.config.objective.direction,
        seeds=plan.settings.seeds,
        paths=plan.folder.paths.final,
    )
    if not results or results[0].is_baseline:
        reason = next((trial.reason for trial in trials if trial.reason), "none was started")
        raise SweepFailed(f"no run of a leading trial completed in the final stage: {reason}")
    return results


def _registered(plan: FinalPlan, sweep_logger: SweepLogger) -> str | None:
    """Put the winner's bundle into the model registry; None, with a warning, when the store does not take it."""
    folder = plan.folder
    run_id = folder.manifest().parent_run_id or sweep_logger.parent_run_id
    sweep_logger.flush()  # a store that is a file has one writer at a time
    with tempfile.TemporaryDirectory(prefix="sweepkit-winner-") as scratch:
        bundle = Path(scratch) / "winner"
        folder.storage.get_folder(folder.paths.winner, bundle)
        try:
            model = register(sweep_logger.uri, run_id=run_id, folder=bundle, name=folder.sweep)
        except InputError as error:
            logger.warning("%s; run `final` again to retry", error)
            return None
    return model.uri
