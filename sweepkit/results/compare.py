"""Sweeps and trials item by item: where their settings differ, what their epochs said, and whether predictions differ.

Reads folders and changes nothing. A whole sweep is represented by its best trial, and where predictions are compared
by the winner of its final stage. Try `compare(["runs/sweeps/cells#3", "runs/sweeps/cells#12"]).dataframe()`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from sweepkit.config.identity import flat
from sweepkit.errors import InputError
from sweepkit.results import statistics
from sweepkit.results.final_result import Comparison, FinalResult
from sweepkit.results.sweep import Sweep, load_sweep
from sweepkit.tasks.interface import StoredPredictions, task_of
from sweepkit.trial.trial import Trial

if TYPE_CHECKING:
    import pandas as pd

Fact = TypeVar("Fact")

# what an epoch took, beside the metrics that say how good it is
_TIMES = ("train_seconds", "valid_seconds")


@dataclass(frozen=True)
class ComparedItem:
    """One of what is compared.

    Attributes:
        label: what to call it.
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
    def metrics(self) -> Mapping[str, float]:
        """What the trial reported at its best epoch; nothing before its first finite objective."""
        reports = self.trial.reports if self.trial else ()
        return next((r.metrics for r in reports if self.trial and r.epoch == self.trial.best_epoch), {})

    def curve(self, metric: str) -> list[float | None]:
        """Return a metric of the trial, epoch by epoch; None where it was not reported."""
        return [report.metrics.get(metric) for report in self.trial.reports] if self.trial else []

    @property
    def predictor(self) -> str:
        """Whose predictions stand for this item, in a user's words."""
        if self.final:
            return f"{self.label} ({self.final.winner.name} in its final stage)"
        return f"{self.label} (trial {self.trial.number})" if self.trial and self.is_sweep else self.label

    @property
    def predictions(self) -> str | None:
        """The name of the predictor's predictions on validation; None where none are stored."""
        name = self.final.winner.predictions if self.final else None
        if self.trial and not self.final:
            name = self.sweep.folder.paths.trial(self.trial.number).predictions("valid")
        return name if name and self.sweep.folder.storage.exists(name) else None


@dataclass(frozen=True, slots=True)
class Effort:
    """What a sweep has taken so far.

    Attributes:
        epochs: of all trials.
        wall_s: from the first start to the last end, pauses included; None before the first start.
        epochs_s: the sum of what all epochs took; None where they did not say.
    """

    epochs: int
    wall_s: float | None
    epochs_s: float | None


@dataclass(frozen=True, slots=True)
class PairedTest:
    """Two predictors on the same rows; `comparison` is None where they cannot be compared, and `why_not` says why."""

    first: str
    second: str
    comparison: Comparison | None = None
    why_not: str | None = None


@dataclass(frozen=True)
class SweepComparison:
    """Two or more sweeps or trials beside each other; the first is what the others are compared with."""

    items: list[ComparedItem]

    def settings(self) -> dict[str, list[object]]:
        """Return the settings that are not the same for all, by dotted name; None where an item has no such setting."""
        return differing(self.items, settings)

    def params(self) -> dict[str, list[object]]:
        """Return the params of the trials that are not the same for all."""
        return differing(self.items, parameters)

    def caveats(self) -> list[str]:
        """Say what makes values of these items incomparable; nothing when they can be compared."""
        return caveats(self.items)

    def paired_tests(self) -> list[PairedTest]:
        """Compare the first item with each of the others, row by row on validation."""
        return pairs(self.items)

    def dataframe(self) -> pd.DataFrame:
        """Return a pandas data frame with a column for each item: what differs, and the metrics of the best epoch."""
        import pandas as pd  # takes a quarter of a second, which the command line need not wait for

        rows: dict[str, list[object]] = {f"settings.{name}": row for name, row in self.settings().items()}
        rows |= {f"params.{name}": row for name, row in self.params().items()}
        for name in dict.fromkeys(name for item in self.items for name in item.metrics):
            rows[name] = [item.metrics.get(name) for item in self.items]
        return pd.DataFrame.from_dict(rows, orient="index", columns=[item.label for item in self.items])


def compare(targets: Sequence[str | Path], sets: Sequence[str] = (), data: str | None = None) -> SweepComparison:
    """Put sweeps or trials beside each other; see `open_items` for how they are named."""
    return SweepComparison(open_items([str(target) for target in targets], sets, data))


def open_items(targets: Sequence[str], sets: Sequence[str] = (), data: str | None = None) -> list[ComparedItem]:
    """Read what is to be compared.

    Args:
        targets: each a sweep's YAML or folder, or one trial of it as `SWEEP#NUMBER`; a final stage's folder will do.
        sets: overrides of the YAMLs.
        data: takes the place of their `data.source`.

    Raises:
        InputError: there is no such sweep or trial, or two targets are the same.
    """
    items = [_open(target, sets, data) for target in targets]
    seen: dict[tuple[str, bool, int | None], str] = {}
    for item, target in zip(items, targets, strict=True):
        key = (item.sweep.folder.shown(), item.is_sweep, item.trial.number if item.trial else None)
        if key in seen:
            raise InputError(f"what is compared must not be the same, {seen[key]!r} and {target!r} are")
        seen[key] = target
    labels = [item.label for item in items]
    # sweeps in two folders may have one name; what was typed tells them apart
    return [
        replace(item, label=item.label if labels.count(item.label) == 1 else target)
        for item, target in zip(items, targets, strict=True)
    ]


def differing(
    items: Sequence[ComparedItem], facts_of: Callable[[ComparedItem], Mapping[str, Fact]]
) -> dict[str, list[Fact | None]]:
    """Return the facts that are not the same on all items, by name; None for a item that has no such fact."""
    found = [facts_of(item) for item in items]
    rows = {name: [facts.get(name) for facts in found] for facts in found for name in facts}
    return {name: row for name, row in rows.items() if any(value != row[0] for value in row)}


def settings(item: ComparedItem) -> dict[str, object]:
    """Return the settings of a sweep, its data and its code, by dotted name."""
    manifest, identity = item.sweep.manifest, item.sweep.manifest.identity
    written = {key: value for key, value in manifest.settings.items() if key not in ("sweep", "space", "data")}
    # what was written says where the data came from, the identity has the package's defaults
    data = {**manifest.settings["data"], **identity["data"], "key": item.data_key}
    code = {"commit": manifest.code.commit, "host": manifest.code.host, "versions": manifest.code.versions}
    # conditions are the package's, not written: a narrower parameter only cuts those of others short
    space = {f"space.{name}": {k: v for k, v in p.items() if k != "when"} for name, p in identity["space"].items()}
    return {**flat({**written, "data": data}), **space, **flat(code)}


def parameters(item: ComparedItem) -> Mapping[str, object]:
    """Return the parameters of a item's trial."""
    return item.trial.params if item.trial else {}


def effort(sweep: Sweep) -> Effort:
    """Add up what the trials of a sweep took."""
    spans = [(r.started, r.started + (r.seconds or 0.0)) for r in sweep.trials if r.started is not None]
    reports = [report for trial in sweep.trials for report in trial.reports]
    # an epoch whose loss is not finite is not validated
    times = [sum(report.metrics.get(name, 0.0) for name in _TIMES) for report in reports]
    is_known = bool(reports) and all(_TIMES[0] in report.metrics for report in reports)
    return Effort(
        epochs=len(reports),
        wall_s=max(end for _, end in spans) - min(start for start, _ in spans) if spans else None,
        epochs_s=sum(times) if is_known else None,
    )


def caveats(items: Sequence[ComparedItem]) -> list[str]:
    """Say what makes values of these items incomparable; nothing when they can be compared."""
    found = []
    if len({item.objective for item in items}) > 1:
        named = "; ".join(f"{item.label}: {item.objective}" for item in items)
        found.append(f"best values are not comparable, because the objectives differ ({named})")
    if len({item.data_key for item in items}) > 1:
        named = "; ".join(f"{item.label}: {item.data_key}" for item in items)
        found.append(f"metrics are not comparable, because the prepared data differs ({named})")
    return found


def pairs(items: Sequence[ComparedItem]) -> list[PairedTest]:
    """Compare the first item with each of the others, row by row on validation.

    Raises:
        DataError: stored predictions are damaged.
    """
    return [_pair(items[0], other) for other in items[1:]]


def _pair(first: ComparedItem, second: ComparedItem) -> PairedTest:
    names = first.predictor, second.predictor
    if first.data_key != second.data_key:
        return PairedTest(*names, why_not="their prepared data differs")
    missing = [item.predictor for item in (first, second) if item.predictions is None]
    if missing:
        why = f"no predictions of {' and '.join(missing)} are stored; `final` stores those of its candidates' best runs"
        return PairedTest(*names, why_not=why)
    one, other = _stored_predictions(first), _stored_predictions(second)
    if one.targets.tolist() != other.targets.tolist():
        return PairedTest(*names, why_not="their stored predictions are of different rows")
    return PairedTest(*names, statistics.compare(one.is_right, other.is_right, other=second.predictor))


def _stored_predictions(item: ComparedItem) -> StoredPredictions:
    assert item.predictions is not None, "missing predictions are named before any is read"
    return task_of(item.sweep.config.package).read_predictions(item.sweep.folder.storage, item.predictions)


def _open(target: str, sets: Sequence[str], data: str | None) -> ComparedItem:
    place, number = _split(target)
    sweep = load_sweep(place, sets, data)
    if number is None:
        return ComparedItem(sweep.name, sweep, sweep.leaderboard.best, is_sweep=True)
    return ComparedItem(f"{sweep.name}#{number}", sweep, _trial(sweep, number, target), is_sweep=False)


def _split(target: str) -> tuple[str, int | None]:
    """Return the sweep and the trial that `SWEEP#NUMBER` names; a path may have a # in it too."""
    place, separator, number = target.rpartition("#")
    if not separator or Path(target).exists():
        return target, None
    if not (number.isascii() and number.isdigit()):
        raise InputError(f"a trial must be named SWEEP#NUMBER, like runs/sweeps/cells#12, got {target!r}")
    return place, int(number)


def _trial(sweep: Sweep, number: int, target: str) -> Trial:
    for trial in sweep.trials:
        if trial.number == number:
            return trial
    numbers = f"its trials are 0 to {len(sweep.trials) - 1}" if sweep.trials else "none has begun"
    raise InputError(f"{sweep.name!r} has no trial {number}; {numbers}", where=target)
