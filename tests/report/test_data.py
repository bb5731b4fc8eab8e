"""What a report reads from a sweep's folder: real journals, manifests, predictions and prepared data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sweepkit.report.data import ReportData, gather
from sweepkit.results.sweep import load_sweep
from sweepkit.storage.layout import DataPaths, SweepPaths
from sweepkit.storage.storage import Storage
from sweepkit.tasks.text import predictions
from sweepkit.tasks.text.predictions import Predictions
from tests.support.made_up_results import data, final_result, manifest, winner_errors
from tests.support.made_up_sweeps import SPACE, trials, write_sweep


def gathered(root: Path) -> ReportData:
    return gather(load_sweep(root / "sweeps" / "made_up"))


def with_final(root: Path) -> Storage:
    """Put a final stage beside the sweep; its winner has right what it should have, but for rows 1 and 2."""
    storage, paths = Storage.at(str(root)), SweepPaths("made_up")
    result = final_result().to_json()
    result["candidates"][0]["predictions"] = paths.final.trial(1).predictions("valid")
    storage.write_json(paths.final_result, result)
    targets = np.array([0, 0, 1, 1, 1], np.int32)
    probabilities = np.array([0.1, 0.8, 0.3, 0.9, 0.7], np.float32)
    stored = Predictions(targets, np.stack([1 - probabilities, probabilities], axis=1))
    predictions.write(storage, paths.final.trial(1).predictions("valid"), stored)
    return storage


def test_the_space_and_all_trials_come_back_from_the_folder(tmp_path: Path) -> None:
    made = trials(12)
    write_sweep(tmp_path, made)
    report = gathered(tmp_path)
    assert dict(report.sweep.space.parameters) == dict(SPACE.parameters)
    assert [dict(trial.params) for trial in report.sweep.trials] == [dict(trial.params) for trial in made]
    best = max(r.best_value for r in made if r.state and r.state.value != "failed")
    assert report.sweep.best_trial.best_value == best


def test_a_missing_final_stage_is_shown_with_its_command(tmp_path: Path) -> None:
    write_sweep(tmp_path, trials(3))
    report = gathered(tmp_path)
    assert report.sweep.final is None
    assert "`python -m sweepkit final sweeps/made_up.yaml`" in report.no_winner_errors


def test_confusion_and_mistakes_are_of_the_winners_best_run(tmp_path: Path) -> None:
    write_sweep(tmp_path, trials(3))
    storage = with_final(tmp_path)
    mistake = {"row": 1, "target": "no", "predicted": "yes", "probability": 0.8, "text": "well"}
    storage.write_json(SweepPaths("made_up").final.trial(1).mistakes, [mistake])
    report = gathered(tmp_path)
    assert report.sweep.final is not None
    assert report.winner_errors is not None
    assert report.winner_errors.confusion.counts == ((1, 1), (1, 2))
    assert list(report.winner_errors.quotes) == [("no, predicted yes (80.0%)", "well")]


def test_missing_predictions_have_a_reason(tmp_path: Path) -> None:
    write_sweep(tmp_path, trials(3))
    storage = with_final(tmp_path)
    storage.delete(SweepPaths("made_up").final.trial(1).predictions("valid"))
    report = gathered(tmp_path)
    assert report.winner_errors is None
    assert report.no_winner_errors.startswith("The winner's predictions on validation are gone")


def test_prepared_data_is_found_by_its_key(tmp_path: Path) -> None:
    write_sweep(tmp_path, trials(3))
    Storage.at(str(tmp_path)).write_json(DataPaths("toy", "feedc0de").manifest, manifest(400).to_json())
    report = gathered(tmp_path)
    assert report.data == data(400)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (None, "The prepared data is gone: there is no "),
        ('{"format": 1}', "The prepared data cannot be read: "),
        ("{", "The prepared data cannot be read: "),
    ],
    ids=["gone", "another format", "damaged"],
)
def test_unreadable_prepared_data_has_a_reason(tmp_path: Path, content: str | None, expected: str) -> None:
    write_sweep(tmp_path, trials(3))
    if content is not None:
        Storage.at(str(tmp_path)).write(DataPaths("toy", "feedc0de").manifest, content.encode())
    report = gathered(tmp_path)
    assert report.data is None
    assert report.no_data.startswith(expected)


def test_made_up_errors_add_up() -> None:
    assert sum(map(sum, winner_errors().confusion.counts)) == 5000
