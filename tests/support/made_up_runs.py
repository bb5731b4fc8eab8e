"""What runs in a tracking store carry and how they end, for tests that need no sweep."""

from __future__ import annotations

import dataclasses
import uuid
from typing import Any

from sweepkit.storage.storage import Storage
from sweepkit.storage.sweep_folder import SweepFolder
from sweepkit.tracking import run_endings
from sweepkit.tracking.run_endings import RunEnding
from sweepkit.tracking.run_metadata import RunMetadata
from sweepkit.trial.trial import Trial, TrialState


def metadata(**changes: Any) -> RunMetadata:
    """Describe the run of a sweep; without `origin`, of another sweep with each call."""
    values = {"experiment": "cells", "title": "some", "origin": uuid.uuid4().hex, "tags": {}, "params": {}}
    return RunMetadata(**(values | changes))


def ending(trial: Trial, **changes: Any) -> RunEnding:
    """Describe how a trial's run ends; without `changes`, as that of a trial that ran all of its epochs."""
    values = {"state": TrialState.COMPLETE, "reason": "r", "best_value": 1.0, "best_epoch": 1}
    folder = SweepFolder(Storage.at("runs"), "some").trial(trial.number)
    return run_endings.of_trial(dataclasses.replace(trial, **(values | changes)), "loss", folder)
