"""What the driver sends to a worker: the settings shared by all trials of a sweep, and the request for one trial.

Both are plain values that convert to JSON.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, Protocol

from sweepkit.space import Params
from sweepkit.trial.checkpoint_ref import CheckpointRef, DataRef
from sweepkit.trial.trial import Direction, Report, Trial


@dataclass(frozen=True, slots=True)
class TrialSettings:
    """The settings shared by all trials of a sweep.

    Attributes:
        package: the sweep package's importable name.
        sweep: the sweep's name in the storage.
        stage: "final" for trials of the final stage; None for trials of the search.
        storage_uri: the storage with prepared data, checkpoints and spools.
        data_key: content key of the prepared data.
        data: the package's data settings, as JSON.
        metric: the objective.
        direction: whether larger or smaller values of the objective are better.
        deterministic: whether the same trial must give the same numbers to the bit.
        threads: CPU threads of a worker.
        gpu: a fraction of one GPU, or a whole number of GPUs; 0 for none.
        tracking_uri: the MLflow store; None when tracking is off.
        timeout_minutes: a worker without a report for this long is killed; None for no timeout.
        worker_memory_gb: a worker that uses more memory between two trials is replaced; None for the memory of its
            node divided by the number of workers that fit on the node.
        nn: how recurrent layers are computed, "auto" or "stock" (`sweepkit.nn.implementation`).
    """

    package: str
    sweep: str
    storage_uri: str
    data_key: str
    data: Mapping[str, Any]  # checked by the package's own model
    metric: str
    direction: Direction
    deterministic: bool
    threads: int
    gpu: float
    tracking_uri: str | None
    timeout_minutes: float | None = None
    worker_memory_gb: float | None = None
    nn: Literal["auto", "stock"] = "auto"
    stage: str | None = None

    @property
    def data_ref(self) -> DataRef:
        """The data that all trials read."""
        return DataRef(self.package, self.data, self.data_key, self.storage_uri)

    def to_json(self) -> dict[str, Any]:  # a JSON object has no narrower type
        return asdict(self)


@dataclass(frozen=True, slots=True)
class TrialRequest:
    """One attempt at a trial, as sent to a worker.

    Attributes:
        number: the trial's number in the sweep.
        params: the active parameters.
        seed: of initial weights, dropout and the order of data.
        epochs_reported: number of epochs in the journal; above 0 only for a trial that is resumed.
        resumes: whether a checkpoint of an earlier attempt may exist.
        run_id: the trial's run in the tracking store; None when tracking is off.
        attempt: 1 for the first; each retry after a failure is one more.
        reports: those in the journal, as JSON.
    """

    number: int
    params: Params
    seed: int
    epochs_reported: int = 0
    resumes: bool = False
    run_id: str | None = None
    attempt: int = 1
    reports: Sequence[Mapping[str, Any]] = ()  # as returned by `Report.to_json`

    @classmethod
    def of(cls, trial: Trial, *, seed: int, resumes: bool, run_id: str | None) -> TrialRequest:
        """Make the request for the next attempt at a trial."""
        return cls(
            number=trial.number,
            params=dict(trial.params),
            seed=seed,
            epochs_reported=trial.epoch,
            resumes=resumes,
            run_id=run_id,
            attempt=len(trial.failures) + 1,
            reports=tuple(report.to_json() for report in trial.reports),
        )

    def to_json(self) -> dict[str, Any]:  # a JSON object has no narrower type
        return asdict(self)


class ReportLog(Protocol):
    """A destination of a worker's reports besides the driver."""

    def log(self, report: Report) -> None:
        """Accept a report without blocking."""

    def close(self) -> bool:
        """Finish; return False if a report has not been written yet."""


@dataclass(frozen=True, slots=True)
class TrialResources:
    """The resources of one trial on a runner, and the number of trials that run at once.

    Attributes:
        cpu: threads.
        gpu: a fraction of one GPU, or a whole number of GPUs; 0 for none.
        n_workers: number of trials that run at once.
    """

    cpu: int
    gpu: float
    n_workers: int


def trial_seed(seed: int, number: int) -> int:
    """Return the 32-bit seed of a trial, unrelated to those of neighbouring trials and the same on every machine."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{number}".encode()).digest()[:4], "big")


def best_checkpoint(data: DataRef, trial: Trial, *, sweep: str, seed: int, stage: str | None = None) -> CheckpointRef:
    """Return the checkpoint of a trial's best epoch.

    Args:
        data: the data that the trial was trained on.
        trial: one with a finite objective.
        sweep: the sweep's name in the storage.
        seed: of the search.
        stage: "final" for a trial of the final stage.
    """
    assert trial.best_epoch is not None, "a ranked trial has a best epoch"
    params, own_seed = dict(trial.params), trial_seed(seed, trial.number)
    return CheckpointRef(data, sweep, trial.number, trial.best_epoch, params, own_seed, stage)
