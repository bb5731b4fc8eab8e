"""Who takes part in the final stage: the sweep's leaders, and the baselines that its package names.

Try `choose_candidates(trials, package, direction=Direction.MAX, top=3)`, and `candidate_results(...)` once they have been
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
    """A setting to be trained from fresh seeds; `trial` is where in the sweep it comes from, None for a baseline."""

    name: str
    trial: int | None
    point: Params

    @property
    def is_baseline(self) -> bool:
        return self.trial is None


def choose_candidates(records: Sequence[Trial], package: Package, *, mode: Direction, top: int) -> list[Candidate]:
    """Return the leaders of different settings, the best first, then the baselines of the first."""
    found: list[Candidate] = []
    for record in ranked(records, mode):
        if len(found) < top and all(record.point != other.point for other in found):
            found.append(Candidate(f"trial {record.number}", record.number, dict(record.point)))
    if found:
        found += [Candidate(name, None, point) for name, point in package.baselines(found[0].point).items()]
    return found


def missing_points(wanted: Sequence[Candidate], queued: Sequence[Params], *, seeds: int) -> list[Params]:
    """Return the points that are still to be queued so that each finalist has its seeds, one round after the other."""
    have = Counter(_key(point) for point in queued)
    rounds = [
        [candidate.point for candidate in wanted if have[_key(candidate.point)] <= number] for number in range(seeds)
    ]
    return [point for points in rounds for point in points]


def candidate_results(
    wanted: Sequence[Candidate], records: Sequence[Trial], *, mode: Direction, seeds: int, paths: SweepPaths
) -> list[CandidateResult]:
    """Return what the finalists came to, the best mean first and baselines last; those without any result are left out.

    Args:
        wanted: the finalists.
        records: the final stage's trials.
        mode: whether more is better.
        seeds: runs of each that count.
        paths: the final stage's.
    """
    found = [
        result for candidate in wanted if (result := _result(candidate, records, mode=mode, seeds=seeds, paths=paths))
    ]
    sign = -1 if mode is Direction.MAX else 1
    return sorted(found, key=lambda result: (result.is_baseline, sign * result.mean))


def _result(
    candidate: Candidate, records: Sequence[Trial], *, mode: Direction, seeds: int, paths: SweepPaths
) -> CandidateResult | None:
    of_it = [r for r in records if r.point == candidate.point and r.outcome is not TrialState.FAILED][:seeds]
    runs = [record for record in of_it if record.best_value is not None]
    if not runs:
        return None
    best = ranked(runs, mode)[0].number
    values = tuple(record.best_value for record in runs if record.best_value is not None)
    interval: Interval | None = mean_interval(values)
    return CandidateResult(
        name=candidate.name,
        is_baseline=candidate.is_baseline,
        trial=candidate.trial,
        point=candidate.point,
        final_trials=tuple(record.number for record in runs),
        values=values,
        mean=fmean(values),
        interval=interval,
        best_final_trial=best,
        predictions=paths.trial(best).predictions("valid"),
    )


def _key(point: Params) -> str:
    return repr(sorted(point.items()))
