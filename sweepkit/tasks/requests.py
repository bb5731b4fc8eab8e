"""What a task does on a worker, as values that can be sent there; `worker` carries them out."""

from __future__ import annotations

from dataclasses import dataclass

from sweepkit.bundle.manifest import Measured
from sweepkit.trial.checkpoint_ref import CheckpointRef, DataRef


@dataclass(frozen=True, slots=True)
class EvaluationRequest:
    """Predict a split with a checkpoint.

    Attributes:
        checkpoint: of which trial and epoch.
        split: "valid" or "test".
    """

    checkpoint: CheckpointRef
    split: str


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How right a model is on a split; what it predicted for each row is in the storage."""

    rows: int
    correct: int
    loss: float


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """Make a bundle of a checkpoint.

    Attributes:
        checkpoint: of which trial and epoch.
        measured: what the card shows.
        shown_sweep: the sweep that the bundle says it comes from.
        shown_trial: the trial that it says it comes from.
        to: name of the bundle's folder in the storage; what is there is replaced.
    """

    checkpoint: CheckpointRef
    measured: tuple[Measured, ...]
    shown_sweep: str
    shown_trial: int
    to: str


@dataclass(frozen=True, slots=True)
class BaselineRequest:
    """Fit a task's baseline, the one called `name`, and write its predictions of validation to the file `to`."""

    data: DataRef
    name: str
    to: str
