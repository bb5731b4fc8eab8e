"""Who takes part in the final stage: the sweep's leaders, and the baselines that its package names.

Try `choose_candidates(trials, package, direction=Direction.MAX, top=3)`, and
`candidate_results(...)` once they have been trained.
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
    """A setting to be trained from fresh seeds; `trial` is where in the sweep it comes from, None for a baseline."""

    name: str
    trial: int | None
    params: Params

    @property
    def is_baseline(self) -> bool:
        return self.trial is None


def choose_candidates(trials: Sequence[Trial], package: Package, *, direction: Direction, top: int) -> list[Candidate]:
    """Return the leaders of different settings, the best first, then the baselines of the first."""
    found: list[Candidate] = []
    for trial in ranked(trials, direction):
        if len(found) < top and all(trial.params != other.params for other in found):
            found.append(Candidate(f"trial {trial.number}", trial.number, dict(trial.params)))
    if found:
        found += [Candidate(name, None, params) for name, params in package.baselines(found[0].params).items()]
    return found


def missing_points(wanted: Sequence[Candidate], queued: Sequence[Params], *, seeds: int) -> list[Params]:
    """Return the points that are still to be queued so that each finalist has its seeds, one round after the other."""
    have = Counter(_key(params) for params in queued)
    rounds = [
        [candidate.params for candidate in wanted if have[_key(candidate.params)] <= number] for number in range(seeds)
    ]
    return [params for param_sets in rounds for params in param_sets]


def candidate_results(
    wanted: Sequence[Candidate], trials: Sequence[Trial], *, direction: Direction, seeds: int, paths: SweepPaths
) -> list[CandidateResult]:
    """Return what the finalists came to, the best mean first and baselines last; those without any result are left out.

    Args:
        wanted: the finalists.
        trials: the final stage's trials.
        direction: whether more is better.
        seeds: runs of each that count.
        paths: the final stage's.
    """
    found = [
        result
        for candidate in wanted
        if (result := _result(candidate, trials, direction=direction, seeds=seeds, paths=paths))
    ]
    sign = -1 if direction is Direction.MAX else 1
    return sorted(found, key=lambda result: (result.is_baseline, sign * fmean(result.values)))


def _result(
    candidate: Candidate, trials: Sequence[Trial], *, direction: Direction, seeds: int, paths: SweepPaths
) -> CandidateResult | None:
    of_it = [r for r in trials if r.params == candidate.params and r.state is not TrialState.FAILED][:seeds]
    runs = [trial for trial in of_it if trial.best_value is not None]
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
