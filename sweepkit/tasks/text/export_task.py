"""The export of a bundle as a task for a worker. Light: the driver, which hands it out, never imports TensorFlow.

Try `list(runner.map(export, [ExportTask(...)], describe="export"))`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sweepkit.bundle.manifest import BundleManifest, Measured
from sweepkit.space import Params
from sweepkit.training.keras_import import import_keras


@dataclass(frozen=True, slots=True)
class ExportTask:
    """Which checkpoint becomes a bundle, and what the bundle says of it.

    Attributes:
        package: the sweep package's importable name.
        data: its data settings, as JSON.
        data_key: which prepared data.
        storage_uri: where data and checkpoints are, and where the bundle goes.
        sweep: the sweep's name in the storage.
        trial: its number there.
        epoch: of the checkpoint.
        seed: of the trial.
        params: its parameters.
        measured: what the card shows.
        shown_sweep: the sweep that the bundle says it comes from.
        shown_trial: the trial that it says it comes from.
        to: name of the bundle's folder in the storage; what is there is replaced.
        stage: "final" for a run of the final stage.
    """

    package: str
    data: Mapping[str, Any]  # the package's own settings, checked by its own model
    data_key: str
    storage_uri: str
    sweep: str
    trial: int
    epoch: int
    seed: int
    params: Params
    measured: tuple[Measured, ...]
    shown_sweep: str
    shown_trial: int
    to: str
    stage: str | None = None


def export(task: ExportTask) -> BundleManifest:
    """Make a bundle, on one thread and without a GPU where this process has not used TensorFlow yet.

    Raises:
        DataError: the prepared data or the checkpoint is missing or damaged, or the model cannot be saved.
    """
    import_keras()
    from sweepkit.tasks.text.export import export_here
    from sweepkit.training import devices

    devices.configure_task()
    return export_here(task)
