"""The last stage of a sweep: its leaders again from fresh seeds, the winner once on the test split, and its bundle.

The best value of a sweep is the best of many, and therefore biased. Here the leaders are trained again, as a small
sweep in the sweep's folder that resumes like any other. They are ranked by their means on validation and compared row
by row; only the winner is measured on the test split. Try `run_final(plan_final(definition), options, callback)`.
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
from sweepkit.final.candidates import Candidate, candidate_results, choose_candidates, missing_params
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

# Takes the place of a trial's number, which is far smaller, when the stage's seed is derived from the sweep's. With the
# sweep's own seed, run 0 of the stage would repeat trial 0, and a leader might get the seed that made it lead.
_FRESH = 2**31


@dataclass(frozen=True)
class FinalPlan:
    """The candidates of a final stage, and the stage as a sweep.

    Attributes:
        sweep: the definition of the sweep.
        definition: the final stage as a sweep of its own.
        folder: of the sweep.
        manifest: of the sweep.
        candidates: leaders and baselines.
        n_unfinished: number of the sweep's trials that have not ended and are left out.
        data: of the sweep.
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
        """The numbers of leaders and seeds."""
        return self.sweep.config.final or Final()


def plan_final(definition: SweepDefinition) -> FinalPlan:
    """Choose the candidates; nothing is written.

    Raises:
        InputError: the sweep has not been run, has no trial to choose from, or is running.
    """
    storage, data = Storage.at(definition.config.storage.uri), find_data(definition)
    folder, manifest = find_sweep(definition, storage, data_key=data.key)
    config, objective = definition.config, definition.config.objective
    # the lock is taken in `run_final`; this refuses a running sweep, whose leaders may still change, without writing
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
    stage_config = _final_config(config, folder, len(candidates) * settings.seeds)
    # the whole space of the package: a baseline may lie outside the part that the YAML allows
    stage = replace(definition, config=stage_config, space=definition.package.space)
    return FinalPlan(definition, stage, folder, manifest, candidates, len(trials) - len(ended), data)


def run_final(plan: FinalPlan, options: RunOptions, callback: SweepCallback, *, again: bool = False) -> FinalResult:
    """Run the final stage, or resume it, to its end; if it has ended already, return its result.

    Args:
        plan: the candidates.
        options: how to run.
        callback: shows the stage.
        again: evaluate the winner on the test split once more; every evaluation is counted.

    Raises:
        InputError: the input is wrong; nothing was started.
        DataError: a file of an earlier run of the final stage is damaged.
        SweepFailed: no run of a leader completed, or a limit ended the stage before all of its runs.
    """
    folder, stored = plan.folder, read_final(plan.folder)
    if stored and not again and _is_complete(plan, stored):
        return stored
    folder.storage.check_writable()
    with DriverLock("final", where=str(plan.sweep.source)) as lock:
        # the lock of the sweep, not one of the stage: `run` could add trials meanwhile and change the leaders
        lock.take(folder)
        claim = Claim(plan.definition, folder.final, _write_manifest(plan), plan.data, lock)
        with open_session(claim, options, callback) as session:
            board = _train(plan, session)
            ranking = _ranking(plan, board.trials)
            result = FinalEvaluation(plan.sweep, session).run(ranking, board.trials, again=again)
            if session.runs:
                session.runs.finish("finished", board, also=result.figures)
                result = replace(result, registered=_registered(plan, session.runs.logger))
            # last: the presence of the result means that everything before is done
            folder.storage.write_json(folder.paths.final_result, result.to_json())
            return result


def _final_config(config: SweepConfig, folder: SweepFolder, n_runs: int) -> SweepConfig:
    """Return the settings of the final stage: nothing is pruned, and all of its runs keep their checkpoints."""
    # not pruned: a run that was stopped early would lower its candidate's mean. All checkpoints: which run of a
    # candidate is its best is known only at the end. One trial: what is queued sets the number.
    return config.model_copy(
        update={
            "search": Search(sampler="random", trials=1, seed=trial_seed(config.search.seed, _FRESH)),
            "stopping": config.stopping.model_copy(update={"rule": "none"}),
            "storage": config.storage.model_copy(update={"keep": n_runs}),
            "tracking": config.tracking.model_copy(update={"experiment": config.tracking.experiment or folder.sweep}),
        }
    )


def _is_complete(plan: FinalPlan, result: FinalResult) -> bool:
    """Return whether a result is of these candidates, seeds and epochs, and is synced, registered and exported."""
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
    """Run the missing runs of the candidates and return all runs as they rank."""
    with open_journal(session.folder) as journal:
        study = SweepStudy.open(journal, plan.definition.config, plan.definition.space)
        # Before the runs are extended. After a kill in the other order nothing would tell which runs are extended, and
        # their old predictions would stand for the new models.
        forget_predictions(plan.folder, study.extensible())
        study.extend()
        study.queue(missing_params(plan.candidates, study.queued(), seeds=plan.settings.seeds))
        over = run_trials(session, study)
        if over:
            raise SweepFailed(f"the final stage ended: {over}; the same command resumes it")
        return study.leaderboard()


def _ranking(plan: FinalPlan, trials: Sequence[Trial]) -> list[CandidateResult]:
    results = candidate_results(
        plan.candidates,
        trials,
        direction=plan.sweep.config.objective.direction,
        seeds=plan.settings.seeds,
        paths=plan.folder.paths.final,
    )
    # baselines come last, so one in front means that no leader has a result
    if not results or results[0].is_baseline:
        reason = next((trial.reason for trial in trials if trial.reason), "none was started")
        raise SweepFailed(f"no run of a leading trial completed in the final stage: {reason}")
    return results


def _registered(plan: FinalPlan, sweep_logger: SweepLogger) -> str | None:
    """Register the winner's bundle as a model; None, with a warning, if the store rejects it or is unreachable."""
    folder = plan.folder
    # the sweep's run rather than the stage's, because the model is the result of the sweep
    run_id = folder.manifest().parent_run_id or sweep_logger.parent_run_id
    sweep_logger.flush()  # a store in a file has one writer at a time, and the queue writes in the background
    with tempfile.TemporaryDirectory(prefix="sweepkit-winner-") as scratch:
        bundle = Path(scratch) / "winner"
        folder.storage.get_folder(folder.paths.winner, bundle)
        try:
            model = register(sweep_logger.uri, run_id=run_id, folder=bundle, name=folder.sweep)
        except InputError as error:  # the training is done, and its result is worth more than the registration
            logger.warning("%s; run `final` again to retry", error)
            return None
    return model.uri
