"""Sweeps and trials side by side: differences in settings and params, curves, and paired tests of their predictions.

Folders are read, never changed. A whole sweep is represented by its best trial, and in paired tests by the winner of
its final stage. Try `compare(["runs/sweeps/cells#3", "runs/sweeps/cells#12"]).dataframe()`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from sweepkit.errors import InputError
from sweepkit.results.compared_item import ComparedItem, Effort
from sweepkit.results.paired_tests import PairedTest, paired_test
from sweepkit.results.sweep import Sweep, load_sweep
from sweepkit.trial.trial import Trial

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ComparedItem", "Effort", "PairedTest", "SweepComparison", "compare"]


@dataclass(frozen=True)
class SweepComparison:
    """Two or more sweeps or trials side by side; paired tests compare the first with each of the others."""

    items: list[ComparedItem]

    def settings(self) -> dict[str, list[object]]:
        """Return the settings that are not the same for all, by dotted name; None where an item has no such setting."""
        return _differing([item.settings() for item in self.items])

    def params(self) -> dict[str, list[object]]:
        """Return the params of the trials that are not the same for all; None where an item has no such param."""
        return _differing([item.params for item in self.items])

    def caveats(self) -> list[str]:
        """Return the reasons why values of these items are not comparable; empty when they are."""
        sentences = []
        if len({item.objective for item in self.items}) > 1:
            objectives = "; ".join(f"{item.label}: {item.objective}" for item in self.items)
            sentences.append(f"best values are not comparable, because the objectives differ ({objectives})")
        if len({item.data_key for item in self.items}) > 1:
            keys = "; ".join(f"{item.label}: {item.data_key}" for item in self.items)
            sentences.append(f"metrics are not comparable, because the prepared data differs ({keys})")
        return sentences

    def paired_tests(self) -> list[PairedTest]:
        """Compare the first item with each of the others, row by row on validation.

        Raises:
            DataError: stored predictions are damaged.
        """
        return [paired_test(self.items[0], other) for other in self.items[1:]]

    def dataframe(self) -> pd.DataFrame:
        """Return a pandas data frame with a column for each item: what differs, and the metrics of the best epoch."""
        import pandas as pd  # takes a quarter of a second, which the command line need not wait for

        # prefixed: a setting and a param may have the same name
        rows: dict[str, list[object]] = {f"settings.{name}": row for name, row in self.settings().items()}
        rows |= {f"params.{name}": row for name, row in self.params().items()}
        # dict.fromkeys, unlike a set, keeps the order in which the metrics were reported
        for name in dict.fromkeys(name for item in self.items for name in item.metrics):
            rows[name] = [item.metrics.get(name) for item in self.items]
        return pd.DataFrame.from_dict(rows, orient="index", columns=[item.label for item in self.items])


def compare(targets: Sequence[str | Path], sets: Sequence[str] = (), data: str | None = None) -> SweepComparison:
    """Put sweeps or trials side by side.

    Args:
        targets: each a sweep's YAML or folder, a final stage's folder, or a trial of one of these as `SWEEP#NUMBER`.
        sets: overrides of the YAMLs, each `key.key=value`.
        data: takes the place of their `data.source`.

    Raises:
        InputError: there is no such sweep or trial, two targets are the same, or one is not a path.
    """
    if isinstance(targets, (str, Path)) or not all(isinstance(target, (str, Path)) for target in targets):
        raise InputError("targets must be a list of paths, each a sweep or SWEEP#NUMBER")
    names = [str(target) for target in targets]
    items = [_item(name, sets, data) for name in names]
    _check_distinct(items, names)
    labels = [item.label for item in items]
    # sweeps in two folders may have one name; the paths that were typed distinguish them
    return SweepComparison(
        [
            replace(item, label=item.label if labels.count(item.label) == 1 else name)
            for item, name in zip(items, names, strict=True)
        ]
    )


def _item(target: str, sets: Sequence[str], data: str | None) -> ComparedItem:
    place, number = _split(target)
    sweep = load_sweep(place, sets, data)
    if number is None:
        return ComparedItem(sweep.name, sweep, sweep.leaderboard.best, is_sweep=True)
    return ComparedItem(f"{sweep.name}#{number}", sweep, _trial(sweep, number, target), is_sweep=False)


def _split(target: str) -> tuple[str, int | None]:
    """Return the sweep and the trial that `SWEEP#NUMBER` names; None for a whole sweep."""
    place, separator, number = target.rpartition("#")
    # what exists is a path: folders may have a # in their names
    if not separator or Path(target).exists():
        return target, None
    if not (number.isascii() and number.isdigit()):
        raise InputError(f"a trial must be named SWEEP#NUMBER, like runs/sweeps/cells#12, got {target!r}")
    return place, int(number)


def _trial(sweep: Sweep, number: int, target: str) -> Trial:
    for trial in sweep.trials:
        if trial.number == number:
            return trial
    numbers = f"its trials are 0 to {len(sweep.trials) - 1}" if sweep.trials else "no trial has begun"
    raise InputError(f"{sweep.name!r} has no trial {number}; {numbers}", where=target)


def _check_distinct(items: Sequence[ComparedItem], targets: Sequence[str]) -> None:
    first_target: dict[tuple[str, bool, int | None], str] = {}
    for item, target in zip(items, targets, strict=True):
        # by what they name, not by how: a YAML and its sweep's folder are the same sweep
        key = (item.sweep.folder.shown(), item.is_sweep, item.trial.number if item.trial else None)
        if key in first_target:
            raise InputError(
                f"the sweeps or trials must be different, {first_target[key]!r} and {target!r} are the same"
            )
        first_target[key] = target


def _differing(columns: Sequence[Mapping[str, object]]) -> dict[str, list[object]]:
    """Return the rows of a table that are not the same in all columns; None where a column has no such row."""
    rows = {name: [column.get(name) for column in columns] for column in columns for name in column}
    return {name: row for name, row in rows.items() if any(value != row[0] for value in row)}
