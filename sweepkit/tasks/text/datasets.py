"""The datasets of a trial: token rows in batches of similar length. Imports TensorFlow.

Try `TextDatasets(open_data(ref, PreparedTexts)).train(params, seed=0).epoch(1)`.
"""

from __future__ import annotations

from dataclasses import replace

from sweepkit.data.dataset import PreparedData
from sweepkit.data.reader import EpochDataset, SplitReader
from sweepkit.space import Params
from sweepkit.training.opened import OpenedData

# validation keeps no states for gradients, so its batches may be larger than training's; the metrics are the same
_VALID_BATCH = 512


class TextDatasets:
    """Train and validation, decoded once and kept from trial to trial."""

    def __init__(self, data: OpenedData[PreparedData]) -> None:
        self._data = data
        self._train, self._valid = (SplitReader(data.prepared, split) for split in ("train", "valid"))
        self._train.preload()
        self._valid.preload()

    def train(self, params: Params, *, seed: int) -> EpochDataset:
        """Return train in the batches of the package's `reading`, shuffled by seed and epoch."""
        return EpochDataset(self._train, self._data.batch_settings(params), training=True, seed=seed)

    def valid(self, params: Params) -> EpochDataset:
        """Return validation in wide batches, always in the same order."""
        settings = self._data.batch_settings(params)
        wide = replace(settings, batch_size=max(settings.batch_size, _VALID_BATCH))
        return EpochDataset(self._valid, wide, training=False)
