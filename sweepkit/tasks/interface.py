"""The interface of a task: the kind of problem that a sweep package belongs to.

Only code behind this interface knows what a row is (a text with one label); README.md explains it in ten lines.
Try `tasks.lookup.task_of("toy").data_type`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from sweepkit.tasks.description import DataDescription, ErrorDescription, ServedModel
from sweepkit.tasks.requests import BaselineRequest, Evaluation, EvaluationRequest, ExportRequest

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from sweepkit.bundle.manifest import BundleManifest, CheckResult
    from sweepkit.config.package import Package
    from sweepkit.config.schema import DataSettings
    from sweepkit.data.dataset import PreparedData
    from sweepkit.data.manifest import Manifest
    from sweepkit.data.prepare import Progress, TaskMapper
    from sweepkit.space import Space
    from sweepkit.storage.layout import SweepPaths
    from sweepkit.storage.storage import Storage
    from sweepkit.training.datasets import TrialDatasets
    from sweepkit.training.opened import OpenedData


class FoundData(Protocol):
    """Data of a sweep package, located but not read yet."""

    @property
    def key(self) -> str:
        """The content key: a digest of the source and of all settings of its preparation."""

    def is_prepared(self, storage: Storage) -> bool:
        """Return whether the storage has it, prepared; DataError if that is damaged."""

    def prepare(self, storage: Storage, mapper: TaskMapper, progress: Progress) -> PreparedData:
        """Open and verify the prepared data, or prepare it; DataError if the source is malformed."""


class StoredPredictions(Protocol):
    """Predictions of a model or a baseline for a split."""

    @property
    def targets(self) -> NDArray[np.int32]:
        """<int32>[rows]; only predictions with equal targets are of the same rows."""

    @property
    def is_right(self) -> NDArray[np.bool_]:
        """<bool>[rows]: which rows are right, for comparing models row by row."""

    @property
    def metrics(self) -> Mapping[str, float]:
        """Metrics of the split by the names that Keras gives them, such as "accuracy" and "loss"."""


class Baseline(Protocol):
    """A model to beat that is not a network of the sweep package."""

    @property
    def name(self) -> str:
        """The name in tables and reports."""

    def predictions(self, paths: SweepPaths) -> str:
        """Return the name of the file with its predictions for validation."""

    def fit(self, request: BaselineRequest) -> None:
        """Fit to train, predict validation and write the predictions; runs on a worker."""


class TaskData(Protocol):
    """The part of a task that concerns data. In all parts, members that need TensorFlow import it when called."""

    @property
    def data_type(self) -> type[PreparedData]:
        """What a folder of prepared data is opened as; its `manifest_type` parses a manifest alone."""

    def find_data(self, package: Package, settings: DataSettings, space: Space) -> FoundData:
        """Locate a sweep package's data, reading as little of it as possible; DataError if it is missing."""

    def datasets(self, data: OpenedData[PreparedData]) -> TrialDatasets:
        """Decode train and validation for the trials of one worker."""

    def describe_data(self, manifest: Manifest) -> DataDescription:
        """Describe prepared data."""


class TaskEvaluation(Protocol):
    """The part of a task that concerns evaluation."""

    @property
    def baselines(self) -> Sequence[Baseline]:
        """Models that a winner has to beat, besides the networks that its package names."""

    def evaluate(self, request: EvaluationRequest) -> Evaluation:
        """Predict a split with a checkpoint and store the predictions with the trial; DataError if it is damaged."""

    def read_predictions(self, storage: Storage, name: str) -> StoredPredictions:
        """Read stored predictions; DataError if they are damaged."""

    def describe_errors(
        self, predictions: StoredPredictions, mistakes: Sequence[Mapping[str, Any]], manifest: Manifest | None
    ) -> ErrorDescription:
        """Describe a model's errors on validation.

        Args:
            predictions: for validation.
            mistakes: the worst, as `evaluate` stored them (JSON); empty if they are gone.
            manifest: of the prepared data; None if it is gone.
        """


class TaskBundle(Protocol):
    """The part of a task that concerns exported models."""

    @property
    def bundle_type(self) -> type[BundleManifest]:
        """What the manifest of a bundle is read as."""

    @property
    def served(self) -> ServedModel:
        """What a registered model takes and returns."""

    def export(self, request: ExportRequest) -> BundleManifest:
        """Export a checkpoint as a bundle, on the devices of this process; DataError if it or the data is damaged."""

    def check_bundle(self, folder: Path) -> tuple[BundleManifest, CheckResult]:
        """Load a bundle and compare its predictions with those at export; DataError if they differ."""


class Task(TaskData, TaskEvaluation, TaskBundle, Protocol):
    """A kind of problem."""
