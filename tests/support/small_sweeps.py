"""Folders of sweeps for tests: real manifests and journals, with trials whose reports are made up."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sweepkit.config.definition import load
from sweepkit.driver.claim import claim_sweep
from sweepkit.space import Params
from sweepkit.storage.storage import Storage
from sweepkit.study.pruning import Decision
from sweepkit.study.study import SweepStudy
from sweepkit.tasks.text import predictions
from sweepkit.tasks.text.predictions import Predictions
from sweepkit.trial.trial import Report, TrialState

YAML = """
sweep: cells
package: {package}
objective: {metric: valid_accuracy, mode: max}
search: {sampler: random}
stopping: {rule: none}
tracking: {enabled: false}
"""
POINT = {"cell": "gru", "units": 8, "dropout": 0.1, "rate": 0.01, "wide": False}


def write_sweep(
    path: Path,
    runs: Path,
    curves: Sequence[Sequence[float]],
    *,
    sets: Sequence[str] = (),
    param_sets: Sequence[Params] = (),
    data_key: str = "key1",
    new: bool = False,
    ended: bool = True,
) -> Path:
    """Write a sweep with a trial for each curve of validation accuracies; returns its folder.

    Args:
        path: its YAML.
        runs: the storage.
        curves: of each trial, by epoch; losses are 1 less the accuracy, and an epoch takes 2 seconds.
        sets: overrides of the YAML.
        param_sets: of the trials; `POINT` where there are none.
        data_key: of the prepared data.
        new: write it beside a sweep of this name.
        ended: whether the trials have ended.
    """
    storage = Storage.at(str(runs))
    definition = load(path, sets)
    folder, _ = claim_sweep(definition, storage, data_key=data_key, new=new)
    study = SweepStudy.open(storage.path(folder.paths.journal), definition.config, definition.space)
    study.queue(param_sets or [POINT] * len(curves))
    write_trials(study, curves, ended=ended)
    return storage.path(folder.paths.root)


def write_trials(study: SweepStudy, curves: Sequence[Sequence[float]], *, ended: bool = True) -> None:
    """Report the curves of the next trials."""
    for curve in curves:
        trial = study.ask()
        assert trial is not None
        for epoch, value in enumerate(curve, 1):
            metrics = {"train_loss": 1.0 - value, "train_seconds": 1.5, "valid_accuracy": value, "valid_seconds": 0.5}
            study.report(trial.number, Report(epoch, metrics, trial.started or 0.0))
        if ended:
            study.finish(trial.number, Decision(TrialState.COMPLETE, f"ran all {len(curve)} epochs"))


def write_predictions(storage: Storage, name: str, is_right: Sequence[bool]) -> None:
    """Write predictions of two labels that are right in these rows; every second target is the second label."""
    targets = np.arange(len(is_right), dtype=np.int32) % 2
    said = np.where(is_right, targets, 1 - targets)
    predictions.write(storage, name, Predictions(targets, np.eye(2, dtype=np.float32)[said]))
