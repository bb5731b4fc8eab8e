"""What sweepkit asks of a task: the kind of problem that a sweep package belongs to.

All that knows what a row is (a text with one label) lies behind this interface; README.md explains it in ten lines.
Try `task_of("toy").data_type`.
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
    """Data that was found and not read yet."""

    @property
    def key(self) -> str:
        """What identifies its content and how it is to be prepared."""

    def is_prepared(self, storage: Storage) -> bool:
        """Say whether the storage has it; DataError where what it has is damaged."""

    def prepare(self, storage: Storage, mapper: TaskMapper, progress: Progress) -> PreparedData:
        """Find the prepared data and verify it, or make it; DataError if something in the source is wrong."""


class StoredPredictions(Protocol):
    """What a model or a baseline predicted for a split."""

    @property
    def targets(self) -> NDArray[np.int32]:
        """<int32>[rows], which tell whether two predicted the same rows."""

    @property
    def is_right(self) -> NDArray[np.bool_]:
        """<bool>[rows], by which two are compared row by row."""

    @property
    def metrics(self) -> Mapping[str, float]:
        """Metrics of the split by the names that Keras gives them, such as "accuracy" and "loss"."""


class Baseline(Protocol):
    """A model to beat that is not a network of the sweep package."""

    @property
    def name(self) -> str:
        """What to call it, in a user's words."""

    def predictions(self, paths: SweepPaths) -> str:
        """Return the name of the file that has its predictions of validation."""

    def fit(self, request: BaselineRequest) -> None:
        """Fit train, predict validation and write the predictions; runs on a worker."""


class TaskData(Protocol):
    """What a task knows of data. Whatever needs TensorFlow imports it when it is called; so do the other parts."""

    @property
    def data_type(self) -> type[PreparedData]:
        """What a folder of prepared data is opened as; its `manifest_type` parses a manifest alone."""

    def find_data(self, package: Package, settings: DataSettings, space: Space) -> FoundData:
        """Ask a sweep package for its data, and read as little of it as possible; DataError if it is missing."""

    def datasets(self, data: OpenedData[PreparedData]) -> TrialDatasets:
        """Decode train and validation for the trials of one worker."""

    def describe_data(self, manifest: Manifest) -> DataDescription:
        """Say what prepared data is like."""


class TaskEvaluation(Protocol):
    """What a task knows of right and wrong."""

    @property
    def baselines(self) -> Sequence[Baseline]:
        """What a winner has to beat beside the networks that its package names."""

    def evaluate(self, request: EvaluationRequest) -> Evaluation:
        """Predict a split with a checkpoint and keep the predictions beside the trial; DataError if it is damaged."""

    def read_predictions(self, storage: Storage, name: str) -> StoredPredictions:
        """Read stored predictions; DataError if they are damaged."""

    def describe_errors(
        self, predictions: StoredPredictions, mistakes: Sequence[Mapping[str, Any]], manifest: Manifest | None
    ) -> ErrorDescription:
        """Say what a model gets wrong on validation.

        Args:
            predictions: of validation.
            mistakes: the worst, as `evaluate` stored them (JSON); none if they are gone.
            manifest: of the prepared data; None if it is gone.
        """


class TaskBundle(Protocol):
    """What a task knows of a model in use."""

    @property
    def bundle_type(self) -> type[BundleManifest]:
        """What the manifest of a bundle is read as."""

    @property
    def served(self) -> ServedModel:
        """What a registered model takes and returns."""

    def export(self, request: ExportRequest) -> BundleManifest:
        """Make a bundle of a checkpoint, on whatever devices this process has; DataError if something is damaged."""

    def check_bundle(self, folder: Path) -> tuple[BundleManifest, CheckResult]:
        """Load a bundle and compare what it gives with what it gave when it was exported; DataError if it differs."""


class Task(TaskData, TaskEvaluation, TaskBundle, Protocol):
    """A kind of problem."""


def task_of(package: str) -> Task:  # noqa: ARG001  # the seam: so far the task of every package is text
    """Return the task of a sweep package, by the package's name."""
    from sweepkit.tasks.text.task import TextTask  # here, not above: tasks import this module

    return TextTask()
