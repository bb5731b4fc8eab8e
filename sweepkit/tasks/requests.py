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
    """A model's results on a split; the predictions for each row are in the storage."""

    rows: int
    correct: int
    loss: float


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """Export a checkpoint as a bundle.

    Attributes:
        checkpoint: of which trial and epoch.
        measured: metrics for the model card.
        shown_sweep: the sweep that the bundle names as its origin; that of a final run is the sweep it belongs to.
        shown_trial: the trial that the bundle names.
        to: name of the bundle's folder in the storage; an existing one is replaced.
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
