"""What training needs of a task: how its prepared data is opened, and the datasets of a trial."""

from __future__ import annotations

from typing import Any, Protocol

from sweepkit.data.dataset import PreparedData
from sweepkit.space import Params
from sweepkit.training.opened import OpenedData


class EpochData(Protocol):
    """One split as a trial reads it."""

    def epoch(self, number: int) -> Any:  # a tf.data.Dataset, and TensorFlow has no types
        """Return the dataset of epoch `number`; validation reads epoch 0, always the same."""


class TrialDatasets(Protocol):
    """The splits that a worker trains on, decoded once and kept from trial to trial."""

    def train(self, params: Params, *, seed: int) -> EpochData:
        """Return train as a trial with these parameters reads it, shuffled by its seed and the epoch."""

    def valid(self, params: Params) -> EpochData:
        """Return validation, for a model with these parameters."""


class TrainingTask(Protocol):
    """The part of a task that training needs; `tasks.interface.Task` has it."""

    @property
    def data_type(self) -> type[PreparedData]:
        """What a folder of prepared data is opened as, and the kind of data that models are built from."""

    def datasets(self, data: OpenedData[PreparedData]) -> TrialDatasets:
        """Decode train and validation for the trials of one worker."""
