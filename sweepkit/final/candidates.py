"""The candidates of the final stage: the sweep's leaders, and the baselines that its package defines.

Try `choose_candidates(trials, package, direction=Direction.MAX, top=3)`, and `candidate_results(...)` once they are
trained.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from sweepkit.config.package import Package
from sweepkit.results.final_result import CandidateResult, Interval
from sweepkit.results.statistics import mean_interval
from sweepkit.space import Params
from sweepkit.storage.layout import SweepPaths
from sweepkit.trial.leaderboard import ranked
from sweepkit.trial.trial import Direction, Trial, TrialState


@dataclass(frozen=True, slots=True)
class Candidate:
    """Params to be trained from fresh seeds; `trial` is the trial that they come from, None for a baseline."""

    name: str
    trial: int | None
    params: Params

    @property
    def is_baseline(self) -> bool:
        return self.trial is None


def choose_candidates(trials: Sequence[Trial], package: Package, *, direction: Direction, top: int) -> list[Candidate]:
    """Return the leaders with different params, the best first, then the baselines of the first of them."""
    leaders: list[Candidate] = []
    for trial in ranked(trials, direction):
        # the runs of a candidate are recognised by their params, so two candidates cannot share theirs
        if len(leaders) < top and all(trial.params != leader.params for leader in leaders):
            leaders.append(Candidate(f"trial {trial.number}", trial.number, dict(trial.params)))
    if not leaders:
        return []
    baselines = package.baselines(leaders[0].params)
    return [*leaders, *(Candidate(name, None, params) for name, params in baselines.items())]


def missing_params(candidates: Sequence[Candidate], queued: Sequence[Params], *, seeds: int) -> list[Params]:
    """Return the params that are still to be queued so that each candidate has its seeds."""
    # counted, not marked as done: a kill may have interrupted the queueing, and a later command may ask for more seeds
    n_queued = Counter(_key(params) for params in queued)
    # round by round, so that a stage that is stopped halfway has about as many runs of each candidate
    return [
        candidate.params
        for number in range(seeds)
        for candidate in candidates
        if n_queued[_key(candidate.params)] <= number
    ]


def candidate_results(
    candidates: Sequence[Candidate], trials: Sequence[Trial], *, direction: Direction, seeds: int, paths: SweepPaths
) -> list[CandidateResult]:
    """Return the results of the candidates, the best mean first, then those of the baselines.

    Args:
        candidates: of the final stage; one without any result is left out.
        trials: of the final stage.
        direction: whether larger or smaller values are better.
        seeds: how many runs of each candidate count.
        paths: of the final stage.
    """
    results = [
        result
        for candidate in candidates
        if (result := _result(candidate, trials, direction=direction, seeds=seeds, paths=paths))
    ]
    sign = -1 if direction is Direction.MAX else 1
    # baselines last even if they are better: the winner is exported, and a baseline is there for comparison only
    return sorted(results, key=lambda result: (result.is_baseline, sign * fmean(result.values)))


def _result(
    candidate: Candidate, trials: Sequence[Trial], *, direction: Direction, seeds: int, paths: SweepPaths
) -> CandidateResult | None:
    own = [trial for trial in trials if trial.params == candidate.params and trial.state is not TrialState.FAILED]
    # cut before values are looked at: choosing among more runs than the settings ask for would favour lucky seeds
    runs = [trial for trial in own[:seeds] if trial.best_value is not None]
    if not runs:
        return None
    best = ranked(runs, direction)[0].number
    values = tuple(trial.best_value for trial in runs if trial.best_value is not None)
    interval: Interval | None = mean_interval(values)
    return CandidateResult(
        name=candidate.name,
        is_baseline=candidate.is_baseline,
        trial=candidate.trial,
        params=candidate.params,
        final_trials=tuple(trial.number for trial in runs),
        values=values,
        mean=fmean(values),
        interval=interval,
        best_final_trial=best,
        predictions=paths.trial(best).predictions("valid"),
    )


def _key(params: Params) -> str:
    return repr(sorted(params.items()))
