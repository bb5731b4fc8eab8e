"""References to the prepared data of a sweep and to a checkpoint of a trial, which any worker can open.

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
        settings: the package's data settings, as JSON.
        key: content key of the prepared data.
        storage_uri: the storage of the data and of the sweep.
    """

    package: str
    settings: Mapping[str, Any]  # checked by the package's own model
    key: str
    storage_uri: str


@dataclass(frozen=True, slots=True)
class CheckpointRef:
    """The checkpoint of one epoch of a trial.

    Attributes:
        data: the data that the trial was trained on.
        sweep: the sweep's name in the storage.
        trial: the trial's number.
        epoch: of the checkpoint.
        params: the trial's params.
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
