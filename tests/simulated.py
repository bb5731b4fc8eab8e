"""Sweeps without training: a real study and a real referee, and a worker whose scores are a function of the point.

Like a real worker it has a checkpoint for every epoch that it reports, unless the referee has deleted it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from sweepkit.config.schema import SweepConfig
from sweepkit.driver.controller import SweepController
from sweepkit.driver.observer import SweepProgress
from sweepkit.space import Choice, Float, Int, Space
from sweepkit.storage.layout import SweepPaths
from sweepkit.storage.storage import Storage
from sweepkit.study.study import SweepStudy
from sweepkit.trial.trial import Report, Trial

SPACE = Space(
    {
        "cell": Choice(("gru", "none")),
        "units": Int(8, 64, step=8, when={"cell": ("gru",)}),
        "rate": Float(1e-4, 1e-1, log=True),
    }
)


class Silent:
    """An observer that hears nothing."""

    def progress(self, phase: str, done: int, total: int) -> None: ...
    def started(self, record: Trial, standing: SweepProgress) -> None: ...
    def reported(self, record: Trial, standing: SweepProgress) -> None: ...
    def ended(self, record: Trial, standing: SweepProgress) -> None: ...
    def remarked(self, text: str) -> None: ...


def spec_of(**sections: Mapping[str, object]) -> SweepConfig:
    document = {
        "sweep": "toy",
        "package": "toy",
        "objective": {"metric": "score", "mode": "max"},
        "search": {"sampler": "random", "trials": 6, "seed": 1},
        "stopping": {"rule": "none", "max_epochs": 4},
    }
    return SweepConfig.model_validate(document | sections)


def journal(folder: Path) -> Path:
    return folder / "journal.log"


def opened(folder: Path, spec: SweepConfig, space: Space = SPACE) -> SweepStudy:
    folder.mkdir(exist_ok=True)
    return SweepStudy.open(journal(folder), spec, space)


def score(point: Mapping[str, object], seed: int, epoch: int) -> float:
    """Make a score up that grows with the epochs to a height of the trial's own, with ups and downs."""
    noise = hashlib.sha256(json.dumps([dict(point), seed], sort_keys=True).encode()).digest()
    return noise[0] / 256 * (1 - 1 / (1 + epoch)) + noise[epoch] / 512


def run(folder: Path, spec: SweepConfig, space: Space = SPACE) -> tuple[SweepStudy, SweepController]:
    """Run a sweep, or go on with it, to its end or until its budget is used up."""
    study = opened(folder, spec, space)
    study.extend()
    storage, paths = Storage.at(str(folder)), SweepPaths("toy")
    referee = SweepController(study, spec, storage=storage, runs=None, observer=Silent(), clock=lambda: 0.0)
    while (task := referee.next_task()) is not None:
        epoch = len(storage.names(paths.trial(task.number).checkpoints)) if task.resumes else 0
        epoch = min(epoch, task.epochs_reported)
        ends = False
        while not ends and not referee.is_over():
            epoch += 1
            storage.write(f"{paths.trial(task.number).checkpoint(epoch)}/state.json", b"{}")
            metrics = {"score": score(task.point, task.seed, epoch), "train_loss": 0.5}
            ends = referee.reported(task.number, Report(epoch, metrics, 1e9 + task.number * 100 + epoch))
    return study, referee


def story(study: SweepStudy) -> list[tuple[object, ...]]:
    """Return all of a sweep that must not depend on interruptions."""
    return [
        (r.number, dict(r.point), [dict(x.metrics) for x in r.reports], r.outcome, r.reason, r.best_value, r.best_epoch)
        for r in study.records()
    ]
