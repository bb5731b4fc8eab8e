"""What a report shows beside the sweep itself: its prepared data and the winner's errors; nothing is drawn here.

A part that is missing (the prepared data was deleted, the final stage has not run) is None, beside a sentence with the
reason. Try `gather(load_sweep("runs/sweeps/cells")).no_winner_errors`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sweepkit.data.manifest import Manifest, parse_manifest
from sweepkit.errors import DataError
from sweepkit.results.final_result import FinalResult
from sweepkit.results.sweep import Sweep
from sweepkit.storage.data_folder import DataFolder
from sweepkit.storage.storage import Storage
from sweepkit.storage.sweep_folder import SweepFolder
from sweepkit.tasks.description import DataDescription, ErrorDescription
from sweepkit.tasks.interface import Task
from sweepkit.tasks.lookup import task_of


@dataclass(frozen=True)
class ReportData:
    """A sweep, and what its folder and its prepared data add for the report.

    Attributes:
        sweep: the sweep at the time of reading.
        data: description of the prepared data; None if it is gone or unreadable.
        no_data: the reason if `data` is None.
        winner_errors: description of the winner's errors; None if there are no predictions.
        no_winner_errors: the reason if `winner_errors` is None.
    """

    sweep: Sweep
    data: DataDescription | None = None
    no_data: str = ""
    winner_errors: ErrorDescription | None = None
    no_winner_errors: str = ""


def gather(sweep: Sweep) -> ReportData:
    """Read what a report shows beside the sweep itself."""
    storage, task = sweep.folder.storage, task_of(sweep.config.package)
    prepared, no_data = _prepared(storage, sweep.config.package, sweep.manifest.data_key, task)
    predictions, no_winner_errors = _winner_predictions(storage, sweep.final, yaml_of(sweep))
    winner_errors = None
    if sweep.final and predictions:
        mistakes = _mistakes(sweep.folder, sweep.final)
        winner_errors = task.describe_errors(task.read_predictions(storage, predictions), mistakes, prepared)
    return ReportData(
        sweep,
        data=task.describe_data(prepared) if prepared else None,
        no_data=no_data,
        winner_errors=winner_errors,
        no_winner_errors=no_winner_errors,
    )


def yaml_of(sweep: Sweep) -> str:
    """Return the sweep's YAML, as an argument of commands."""
    return sweep.manifest.source or "SWEEP"


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
