"""A sweep or a trial in a comparison: settings, params, curves, effort and predictions.

Values are read from the sweep's folder, never written. `results.compare.compare` makes the items.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sweepkit.config.identity import flat
from sweepkit.results.final_result import FinalResult
from sweepkit.results.sweep import Sweep
from sweepkit.space import Value
from sweepkit.trial.trial import Trial

# the metrics that add up to the time of an epoch
_TIMES = ("train_seconds", "valid_seconds")


@dataclass(frozen=True, slots=True)
class Effort:
    """The epochs and the time of a sweep so far.

    Attributes:
        epochs: of all trials.
        wall_s: from the first start to the last end, pauses included; None before the first start.
        epochs_s: the sum over all epochs; None where the reports have no times.
    """

    epochs: int
    wall_s: float | None
    epochs_s: float | None


@dataclass(frozen=True)
class ComparedItem:
    """A sweep or a trial in a comparison.

    Attributes:
        label: its name in the comparison.
        sweep: its sweep; for a trial of a final stage, that stage.
        trial: the trial that was named, or the sweep's best; None before any trial has reported its objective.
        is_sweep: whether a whole sweep was named.
    """

    label: str
    sweep: Sweep
    trial: Trial | None
    is_sweep: bool

    @property
    def final(self) -> FinalResult | None:
        """The result of the sweep's final stage; None for a trial, and before that stage has ended."""
        return self.sweep.final if self.is_sweep else None

    @property
    def objective(self) -> str:
        objective = self.sweep.config.objective
        return f"{objective.metric}, {objective.mode}"

    @property
    def data_key(self) -> str:
        return str(self.sweep.manifest.data_key)

    @property
    def params(self) -> Mapping[str, Value]:
        """The params of the trial; empty without one."""
        return self.trial.params if self.trial else {}

    def settings(self) -> dict[str, object]:
        """Return the settings of the sweep, its data and its code, by dotted name."""
        manifest, identity = self.sweep.manifest, self.sweep.manifest.identity
        written = {key: value for key, value in manifest.settings.items() if key not in ("sweep", "space", "data")}
        # the YAML has the source of the data, the identity the package's defaults
        data = {**manifest.settings["data"], **identity["data"], "key": self.data_key}
        code = {"commit": manifest.code.commit, "host": manifest.code.host, "versions": manifest.code.versions}
        # conditions belong to the package, not to the YAML: a narrower parameter only shortens those of others
        space = {f"space.{name}": {k: v for k, v in p.items() if k != "when"} for name, p in identity["space"].items()}
        return {**flat({**written, "data": data}), **space, **flat(code)}

    @property
    def metrics(self) -> Mapping[str, float]:
        """The metrics of the trial's best epoch; empty before its first finite objective."""
        reports = self.trial.reports if self.trial else ()
        return next((r.metrics for r in reports if self.trial and r.epoch == self.trial.best_epoch), {})

    def curve(self, metric: str) -> list[float | None]:
        """Return a metric of the trial, epoch by epoch; None where it was not reported."""
        return [report.metrics.get(metric) for report in self.trial.reports] if self.trial else []

    def effort(self) -> Effort:
        """Add up the epochs and the time of all trials of the sweep."""
        trials = self.sweep.trials
        spans = [(t.started, t.started + (t.seconds or 0.0)) for t in trials if t.started is not None]
        reports = [report for trial in trials for report in trial.reports]
        # 0 where missing: an epoch whose loss is not finite is not validated
        times = [sum(report.metrics.get(name, 0.0) for name in _TIMES) for report in reports]
        # all epochs or none: a sum without some of them would look like a cheaper sweep
        is_timed = bool(reports) and all(_TIMES[0] in report.metrics for report in reports)
        return Effort(
            epochs=len(reports),
            wall_s=max(end for _, end in spans) - min(start for start, _ in spans) if spans else None,
            epochs_s=sum(times) if is_timed else None,
        )

    @property
    def predictor(self) -> str:
        """The name of the model whose predictions stand for this item."""
        if self.final:
            return f"{self.label} ({self.final.winner.name} in its final stage)"
        return f"{self.label} (trial {self.trial.number})" if self.trial and self.is_sweep else self.label

    @property
    def predictions(self) -> str | None:
        """The storage name of the predictor's predictions on validation; None where none are stored."""
        name = self.final.winner.predictions if self.final else None
        if self.trial and not self.final:
            name = self.sweep.folder.paths.trial(self.trial.number).predictions("valid")
        return name if name and self.sweep.folder.storage.exists(name) else None
