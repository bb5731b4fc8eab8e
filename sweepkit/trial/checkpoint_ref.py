"""Where the data of a sweep and the checkpoint of a trial are, as values that any worker can open.

Try `CheckpointRef(settings.data_ref, "cells", 7, epoch=3, params=params, seed=5)`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sweepkit.space import Params


@dataclass(frozen=True, slots=True)
class DataRef:
    """A sweep package with its prepared data.

    Attributes:
        package: the sweep package's importable name.
        settings: its data settings, as JSON.
        key: which prepared data.
        storage_uri: where the data is, and everything else of the sweep.
    """

    package: str
    settings: Mapping[str, Any]  # the package's own settings, checked by its own model
    key: str
    storage_uri: str


@dataclass(frozen=True, slots=True)
class CheckpointRef:
    """A trained trial at one of its epochs.

    Attributes:
        data: what it was trained on.
        sweep: the sweep's name in the storage.
        trial: its number.
        epoch: of the checkpoint.
        params: the trial's parameters.
        seed: of the trial.
        stage: "final" for a trial of the final stage.
    """

    data: DataRef
    sweep: str
    trial: int
    epoch: int
    params: Params
    seed: int
    stage: str | None = None
