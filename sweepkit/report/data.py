"""All that a report tells of a sweep, read once from its folder. Draws nothing and computes next to nothing.

Things that a sweep need not have (a final stage, prepared data that is still there) are None, with the reason why in
a user's words. Try `gather(open_snapshot(Path("sweeps/cells.yaml"))).leaders[0]`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sweepkit.data.manifest import Manifest, parse_manifest
from sweepkit.errors import DataError
from sweepkit.results.final_result import FinalResult
from sweepkit.results.sweep import Sweep
from sweepkit.space import Choice, Param, Value
from sweepkit.storage.layout import DataPaths, SweepPaths
from sweepkit.storage.storage import Storage
from sweepkit.tasks.text import predictions
from sweepkit.tasks.text.evaluation import Mistake
from sweepkit.trial.leaderboard import ranked
from sweepkit.trial.trial import Direction, Trial


@dataclass(frozen=True, slots=True)
class WinnerErrors:
    """The winner's best run on validation.

    Attributes:
        final_trial: its number in the final stage.
        confusion: rows by [target][predicted].
        mistakes: those that it was most sure of, the surest first.
    """

    final_trial: int
    confusion: tuple[tuple[int, ...], ...]
    mistakes: tuple[Mistake, ...]


@dataclass(frozen=True)
class ReportData:
    """A sweep at the moment when it was read.

    Attributes:
        name: of the sweep.
        folder: where it is.
        metric: the objective.
        direction: whether more of it is better.
        n_trials: how many trials it is to have.
        params: the space, as the sweep narrowed it.
        trials: all trials that were handed out, by number.
        errors: the traceback of each trial that left one.
        manifest: of the sweep: versions, commit, settings.
        final: what the final stage found; None before it.
        data: the manifest of the prepared data; None when it is gone or unreadable.
        no_data: why there is none.
        judged: the winner's errors; None when there is nothing to read them from.
        no_judged: why there are none.
    """

    name: str
    folder: str
    metric: str
    direction: Direction
    n_trials: int
    params: Mapping[str, Param]
    trials: Sequence[Trial]
    errors: Mapping[int, str] = field(default_factory=dict)
    manifest: Mapping[str, Any] = field(default_factory=dict)  # JSON, shown and not looked into
    final: FinalResult | None = None
    data: Manifest | None = None
    no_data: str = ""
    judged: WinnerErrors | None = None
    no_judged: str = ""

    @property
    def leaders(self) -> list[Trial]:
        """The trials that have a finite objective and did not fail, the best first."""
        return ranked(self.trials, self.direction)

    @property
    def varied(self) -> list[str]:
        """The parameters that have at least two values among the trials, in the space's order."""
        return [name for name in self.params if len(self.values(name)) > 1]

    @property
    def varied_choices(self) -> list[str]:
        """The varied parameters that take one of a few values."""
        return [name for name in self.varied if isinstance(self.params[name], Choice)]

    @property
    def source(self) -> str:
        """The sweep's YAML, for commands that take it."""
        return str(self.manifest.get("source", "SWEEP"))

    def values(self, name: str) -> list[Value]:
        """Return the different values of a parameter: options in their declared order, numbers in ascending order."""
        seen = {repr(trial.params[name]): trial.params[name] for trial in self.trials if name in trial.params}
        param = self.params[name]
        if isinstance(param, Choice):
            return sorted(seen.values(), key=lambda value: (place := param.index(value)) is None or place)
        return sorted(seen.values())

    def objective(self, trial: Trial) -> list[tuple[int, float]]:
        """Return (epoch, objective) of the epochs that have a finite one."""
        pairs = [(report.epoch, report.metrics.get(self.metric, math.nan)) for report in trial.reports]
        return [(epoch, value) for epoch, value in pairs if math.isfinite(value)]


def gather(sweep: Sweep) -> ReportData:
    """Read what a report needs beside the journal."""
    storage, objective, source = sweep.folder.storage, sweep.config.objective, sweep.manifest.source or "SWEEP"
    data, no_data = _data(storage, sweep.config.package, sweep.manifest.data_key)
    judged, no_judged = _judged(storage, sweep.folder.paths, sweep.final, source)
    return ReportData(
        name=sweep.name,
        folder=sweep.folder.shown(),
        metric=objective.metric,
        direction=objective.direction,
        n_trials=sweep.n_trials,
        params=sweep.space.parameters,
        trials=sweep.trials,
        errors=sweep.errors,
        manifest=sweep.manifest.to_json(),
        final=sweep.final,
        data=data,
        no_data=no_data,
        judged=judged,
        no_judged=no_judged,
    )


def _data(storage: Storage, package: str, key: str | None) -> tuple[Manifest | None, str]:
    if key is None:
        return None, "The sweep does not say which prepared data it read."
    name = DataPaths(package, key).manifest
    if not storage.exists(name):
        return None, f"The prepared data is gone: there is no {storage.shown}/{name}. `prepare` makes it again."
    try:
        return parse_manifest(storage.read_json(name), where=f"{storage.shown}/{name}"), ""
    except (DataError, ValueError) as error:
        return None, f"The prepared data cannot be read: {error}."


def _judged(
    storage: Storage, paths: SweepPaths, final: FinalResult | None, source: str
) -> tuple[WinnerErrors | None, str]:
    if final is None:
        return None, f"The winner's errors are known after the final stage: `python -m sweepkit final {source}`."
    winner = final.winner
    if winner.predictions is None or winner.best_final_trial is None or not storage.exists(winner.predictions):
        return None, (
            f"The winner's predictions on validation are gone; `python -m sweepkit final {source} --again` "
            "makes them again, which is another look at the test split."
        )
    found = predictions.read(storage, winner.predictions)
    n_labels = found.probabilities.shape[1]
    pairs = found.targets * n_labels + found.probabilities.argmax(axis=1)
    counts = np.bincount(pairs, minlength=n_labels**2).reshape(n_labels, n_labels).tolist()
    mistakes = paths.final.trial(winner.best_final_trial).mistakes
    worst = storage.read_json(mistakes) if storage.exists(mistakes) else []
    return WinnerErrors(winner.best_final_trial, tuple(map(tuple, counts)), tuple(Mistake(**one) for one in worst)), ""
