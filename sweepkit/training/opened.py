"""A sweep package with its prepared data, and a trained trial of it, opened in this process.

The one place where package, data, batch settings, model and weights come together. Light to import: TensorFlow is
imported when a model is built. Try `open_trained(ref, PreparedTexts).model`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sweepkit.config.package import Package, import_package
from sweepkit.config.schema import DataSettings
from sweepkit.data.batches import BatchSettings
from sweepkit.data.dataset import PreparedData
from sweepkit.space import Params
from sweepkit.storage.data_folder import DataFolder
from sweepkit.storage.storage import Storage
from sweepkit.storage.sweep_folder import SweepFolder
from sweepkit.trial.checkpoint_ref import CheckpointRef, DataRef

Data = TypeVar("Data", bound=PreparedData, covariant=True)


@dataclass(frozen=True)
class OpenedData(Generic[Data]):
    """A sweep package with its prepared data.

    Attributes:
        package: imported.
        settings: its data settings.
        prepared: the data, on this machine.
        storage: the root of all sweeps and their data.
    """

    package: Package
    settings: DataSettings
    prepared: Data
    storage: Storage

    def batch_settings(self, params: Params) -> BatchSettings:
        """Return how a trial with these parameters reads rows."""
        settings: BatchSettings = self.package.data_module().reading(params, self.settings)
        return settings

    def build(self, params: Params) -> Any:  # a Keras model, and Keras has no types
        """Build the model of a trial; initial weights come from the random seed set before."""
        return self.package.model_module().build(dict(params), self.prepared)


@dataclass(frozen=True)
class TrainedTrial(Generic[Data]):
    """A trial's model with the weights of one epoch, and the data that it was trained on."""

    data: OpenedData[Data]
    model: Any  # a Keras model, and Keras has no types
    batch_settings: BatchSettings


def open_data(ref: DataRef, kind: type[Data]) -> OpenedData[Data]:
    """Open a package's prepared data, copied to this machine first where the storage is a bucket.

    Args:
        ref: which data.
        kind: what the package's task opens it as.

    Raises:
        DataError: the data is missing or damaged.
    """
    storage, package = Storage.at(ref.storage_uri), import_package(ref.package)
    settings = package.data_model.model_validate(dict(ref.settings))
    prepared = kind.open(DataFolder(storage, ref.package, ref.key).local_folder())
    return OpenedData(package, settings, prepared, storage)


def open_trained(ref: CheckpointRef, kind: type[Data]) -> TrainedTrial[Data]:
    """Rebuild a trial's model and put the weights of its checkpoint into it.

    Raises:
        DataError: the data or the checkpoint is missing or damaged.
    """
    import keras

    # here, not above: the driver imports this module through the tasks, and never TensorFlow
    from sweepkit.training import checkpoints

    data = open_data(ref.data, kind)
    settings = data.batch_settings(ref.params)
    keras.utils.set_random_seed(ref.seed)  # for layers with random values that are not weights
    model = data.build(ref.params)
    checkpoints.load_weights(SweepFolder(data.storage, ref.sweep, ref.stage).trial(ref.trial), ref.epoch, model)
    return TrainedTrial(data, model, settings)
