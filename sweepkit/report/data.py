"""Everything that a report shows of a sweep, read once from its folder; nothing is drawn here.

Parts that a sweep may lack (a final stage, prepared data that still exists) are None, beside a sentence with the
reason. Try `gather(load_sweep("runs/sweeps/cells")).leaders[0]`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sweepkit.data.manifest import Manifest, parse_manifest
from sweepkit.errors import DataError
from sweepkit.results.final_result import FinalResult
from sweepkit.results.sweep import Sweep
from sweepkit.space import Choice, Param, Value
from sweepkit.storage.data_folder import DataFolder
from sweepkit.storage.storage import Storage
from sweepkit.storage.sweep_folder import SweepFolder
from sweepkit.tasks.description import DataDescription, ErrorDescription
from sweepkit.tasks.interface import Task, task_of
from sweepkit.trial.leaderboard import ranked
from sweepkit.trial.trial import Direction, Trial


@dataclass(frozen=True)
class ReportData:
    """A sweep at the time of reading.

    Attributes:
        name: name of the sweep.
        folder: its folder, as shown to a user.
        metric: the objective.
        direction: whether a larger or a smaller objective is better.
        n_trials: number of trials that the sweep is to run.
        params: the space, as narrowed by the sweep.
        trials: all trials that have started, by number.
        errors: tracebacks by number of the failed trial.
        manifest: the sweep's manifest as JSON: versions, commit, settings.
        final: result of the final stage; None before it.
        data: description of the prepared data; None if it is gone or unreadable.
        no_data: the reason if `data` is None.
        judged: description of the winner's errors; None if there are no predictions.
        no_judged: the reason if `judged` is None.
    """

    name: str
    folder: str
    metric: str
    direction: Direction
    n_trials: int
    params: Mapping[str, Param]
    trials: Sequence[Trial]
    errors: Mapping[int, str] = field(default_factory=dict)
    manifest: Mapping[str, Any] = field(default_factory=dict)  # JSON, shown as it is
    final: FinalResult | None = None
    data: DataDescription | None = None
    no_data: str = ""
    judged: ErrorDescription | None = None
    no_judged: str = ""

    @property
    def leaders(self) -> list[Trial]:
        """The trials with a finite objective that did not fail, the best first."""
        return ranked(self.trials, self.direction)

    @property
    def varied(self) -> list[str]:
        """The parameters with at least two values among the trials, in the order of the space."""
        return [name for name in self.params if len(self.values(name)) > 1]

    @property
    def varied_choices(self) -> list[str]:
        """The varied parameters that are a Choice."""
        return [name for name in self.varied if isinstance(self.params[name], Choice)]

    @property
    def source(self) -> str:
        """The sweep's YAML, as an argument of commands."""
        return str(self.manifest.get("source", "SWEEP"))

    def values(self, name: str) -> list[Value]:
        """Return the distinct values of a parameter: options in their declared order, numbers in ascending order."""
        seen = {repr(trial.params[name]): trial.params[name] for trial in self.trials if name in trial.params}
        param = self.params[name]
        if isinstance(param, Choice):
            return sorted(seen.values(), key=lambda value: (place := param.index(value)) is None or place)
        return sorted(seen.values())

    def objective(self, trial: Trial) -> list[tuple[int, float]]:
        """Return (epoch, objective) of every epoch with a finite objective."""
        pairs = [(report.epoch, report.metrics.get(self.metric, math.nan)) for report in trial.reports]
        return [(epoch, value) for epoch, value in pairs if math.isfinite(value)]


def gather(sweep: Sweep) -> ReportData:
    """Read everything that a report shows of a sweep."""
    storage, objective, source = sweep.folder.storage, sweep.config.objective, sweep.manifest.source or "SWEEP"
    task = task_of(sweep.config.package)
    prepared, no_data = _prepared(storage, sweep.config.package, sweep.manifest.data_key, task)
    predictions, no_judged = _winner_predictions(storage, sweep.final, source)
    judged = None
    if sweep.final and predictions:
        mistakes = _mistakes(sweep.folder, sweep.final)
        judged = task.describe_errors(task.read_predictions(storage, predictions), mistakes, prepared)
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
        data=task.describe_data(prepared) if prepared else None,
        no_data=no_data,
        judged=judged,
        no_judged=no_judged,
    )


def _prepared(storage: Storage, package: str, key: str | None, task: Task) -> tuple[Manifest | None, str]:
    """Read the manifest of the prepared data; None and the reason if that fails."""
    if key is None:
        return None, "The sweep's manifest does not name the prepared data."
    name, kind = DataFolder(storage, package, key).paths.manifest, task.data_type.manifest_type
    if not storage.exists(name):
        return None, f"The prepared data is gone: there is no {storage.shown}/{name}. `prepare` builds it again."
    try:
        return parse_manifest(storage.read_json(name), kind, where=f"{storage.shown}/{name}"), ""
    except (DataError, ValueError) as error:
        return None, f"The prepared data cannot be read: {error}."


def _winner_predictions(storage: Storage, final: FinalResult | None, source: str) -> tuple[str | None, str]:
    """Return the name of the winner's predictions on validation; None and the reason if there are none."""
    if final is None:
        return None, f"The winner's errors are available after the final stage: `python -m sweepkit final {source}`."
    winner = final.winner
    if winner.predictions is None or winner.best_final_trial is None or not storage.exists(winner.predictions):
        return None, (
            f"The winner's predictions on validation are gone; `python -m sweepkit final {source} --again` "
            "computes them again, which evaluates on the test split once more."
        )
    return winner.predictions, ""


def _mistakes(folder: SweepFolder, final: FinalResult) -> list[Mapping[str, Any]]:  # JSON
    assert final.winner.best_final_trial is not None, "a winner with predictions has a best run"
    storage, name = folder.storage, folder.paths.final.trial(final.winner.best_final_trial).mistakes
    mistakes: list[Mapping[str, Any]] = storage.read_json(name) if storage.exists(name) else []
    return mistakes
