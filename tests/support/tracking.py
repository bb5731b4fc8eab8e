"""What the sweep that MLflow is shown in tests is called, and how its trials end."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sweepkit.tracking.run_endings import RunEnding, of_trial
from sweepkit.tracking.run_metadata import RunMetadata
from sweepkit.trial.trial import Trial, TrialState

METADATA = RunMetadata("cells", "some", origin="", tags={}, params={})  # each opening is another sweep's
COMPLETE = Trial(3, {}, state=TrialState.COMPLETE, reason="r", best_value=1.0, best_epoch=1)


def ending(**changes: Any) -> RunEnding:
    """Describe the end of a trial that completed, or of one that differs in `changes`."""
    return of_trial(replace(COMPLETE, **changes), metric="valid_accuracy", log="log.txt")
