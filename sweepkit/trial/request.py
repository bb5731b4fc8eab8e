"""What the driver hands to a worker: the facts that all trials of a sweep share, and one trial's own. Plain JSON both
ways."""

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
    """What every trial of a sweep needs to know.

    Attributes:
        package: the sweep package's importable name.
        sweep: the sweep's name in the storage.
        stage: "final" for trials of its final stage.
        storage_uri: where prepared data, checkpoints and spools are.
        data_key: which prepared data.
        data: the package's data settings, as JSON.
        metric: the objective.
        direction: whether more of it is better.
        deterministic: whether the same trial must give the same numbers to the bit.
        threads: CPU threads of a worker.
        gpu: the share of one GPU, or a whole number of them; 0 for none.
        tracking_uri: the MLflow store; None when tracking is off.
        timeout_minutes: a worker that says nothing for so long is killed; None never.
        worker_memory_gb: a worker that holds more between two trials is replaced; None is its share of its node's.
        nn: how recurrent layers are computed, "auto" or "stock" (`sweepkit.nn.implementation`).
    """

    package: str
    sweep: str
    storage_uri: str
    data_key: str
    data: Mapping[str, Any]  # the package's own settings, checked by its own model
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
    """One trial, as handed to a worker.

    Attributes:
        number: which trial of the sweep.
        params: its active parameters.
        seed: of initial weights, dropout and the order of data.
        epochs_reported: how many epochs the journal has; above 0 only for a trial that goes on.
        resumes: whether a checkpoint of an earlier attempt may exist.
        run_id: its run in the tracking store; None when tracking is off.
        attempt: 1 for the first; a fault and a retry lie between two of them.
        known: the reports that the journal has, as JSON.
    """

    number: int
    params: Params
    seed: int
    epochs_reported: int = 0
    resumes: bool = False
    run_id: str | None = None
    attempt: int = 1
    known: Sequence[Mapping[str, Any]] = ()  # as `Report.to_json` gives them

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
            known=tuple(report.to_json() for report in trial.reports),
        )

    def to_json(self) -> dict[str, Any]:  # a JSON object has no narrower type
        return asdict(self)


class ReportLog(Protocol):
    """Where a worker's reports go besides the driver."""

    def log(self, report: Report) -> None:
        """Take a report and return at once."""

    def close(self) -> bool:
        """Take no more; False if something has not arrived yet."""


@dataclass(frozen=True, slots=True)
class TrialResources:
    """What one trial takes of the place where it runs, and how many trials run there at once.

    Attributes:
        cpu: threads.
        gpu: a fraction of one, or a whole number; 0 for none.
        n_workers: trials side by side.
    """

    cpu: int
    gpu: float
    n_workers: int


def trial_seed(seed: int, number: int) -> int:
    """Return a trial's own 32-bit seed: far apart for neighbouring trials, the same on every machine."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{number}".encode()).digest()[:4], "big")


def best_checkpoint(data: DataRef, trial: Trial, *, sweep: str, seed: int, stage: str | None = None) -> CheckpointRef:
    """Return the checkpoint of a trial's best epoch.

    Args:
        data: what it was trained on.
        trial: with a finite objective.
        sweep: the sweep's name in the storage.
        seed: of the search.
        stage: "final" for a trial of the final stage.
    """
    assert trial.best_epoch is not None, "a ranked trial has a best epoch"
    params, own_seed = dict(trial.params), trial_seed(seed, trial.number)
    return CheckpointRef(data, sweep, trial.number, trial.best_epoch, params, own_seed, stage)
