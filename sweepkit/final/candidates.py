"""Who takes part in the final stage: the sweep's leaders, and the baselines that its package names.

Try `finalists(records, package, mode=Mode.MAX, top=3)`, and `candidates(...)` once they have been trained.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from sweepkit.config.package import Package
from sweepkit.results.final_result import Candidate, Interval
from sweepkit.results.statistics import mean_interval
from sweepkit.space import Point
from sweepkit.storage.layout import SweepPaths
from sweepkit.trial.leaderboard import ranked
from sweepkit.trial.trial import Mode, Outcome, TrialRecord


@dataclass(frozen=True, slots=True)
class Finalist:
    """A setting to be trained from fresh seeds; `trial` is where in the sweep it comes from, None for a baseline."""

    name: str
    trial: int | None
    point: Point

    @property
    def is_baseline(self) -> bool:
        return self.trial is None


def finalists(records: Sequence[TrialRecord], package: Package, *, mode: Mode, top: int) -> list[Finalist]:
    """Return the leaders of different settings, the best first, then the baselines of the first."""
    found: list[Finalist] = []
    for record in ranked(records, mode):
        if len(found) < top and all(record.point != other.point for other in found):
            found.append(Finalist(f"trial {record.number}", record.number, dict(record.point)))
    if found:
        found += [Finalist(name, None, point) for name, point in package.baselines(found[0].point).items()]
    return found


def missing_points(wanted: Sequence[Finalist], queued: Sequence[Point], *, seeds: int) -> list[Point]:
    """Return the points that are still to be queued so that each finalist has its seeds, one round after the other."""
    have = Counter(_key(point) for point in queued)
    rounds = [
        [finalist.point for finalist in wanted if have[_key(finalist.point)] <= number] for number in range(seeds)
    ]
    return [point for points in rounds for point in points]


def candidates(
    wanted: Sequence[Finalist], records: Sequence[TrialRecord], *, mode: Mode, seeds: int, paths: SweepPaths
) -> list[Candidate]:
    """Return what the finalists came to, the best mean first and baselines last; those without any result are left out.

    Args:
        wanted: the finalists.
        records: the final stage's trials.
        mode: whether more is better.
        seeds: runs of each that count.
        paths: the final stage's.
    """
    found = [
        candidate
        for finalist in wanted
        if (candidate := _candidate(finalist, records, mode=mode, seeds=seeds, paths=paths))
    ]
    sign = -1 if mode is Mode.MAX else 1
    return sorted(found, key=lambda candidate: (candidate.is_baseline, sign * candidate.mean))


def _candidate(
    finalist: Finalist, records: Sequence[TrialRecord], *, mode: Mode, seeds: int, paths: SweepPaths
) -> Candidate | None:
    of_it = [r for r in records if r.point == finalist.point and r.outcome is not Outcome.FAILED][:seeds]
    runs = [record for record in of_it if record.best_value is not None]
    if not runs:
        return None
    best = ranked(runs, mode)[0].number
    values = tuple(record.best_value for record in runs if record.best_value is not None)
    interval: Interval | None = mean_interval(values)
    return Candidate(
        name=finalist.name,
        is_baseline=finalist.is_baseline,
        trial=finalist.trial,
        point=finalist.point,
        final_trials=tuple(record.number for record in runs),
        values=values,
        mean=fmean(values),
        interval=interval,
        best_final_trial=best,
        predictions=paths.trial(best).predictions("valid"),
    )


def _key(point: Point) -> str:
    return repr(sorted(point.items()))
