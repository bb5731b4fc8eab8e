"""Sweeps without training: a real study and a real controller, and a worker whose scores are a function of the point.

Like a real worker it has a checkpoint for every epoch that it reports, unless the controller has deleted it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from sweepkit.config.schema import SweepConfig
from sweepkit.driver.callback import SweepProgress
from sweepkit.driver.context import DriverContext
from sweepkit.driver.controller import SweepController
from sweepkit.space import Choice, Float, Int, Space
from sweepkit.storage.storage import Storage
from sweepkit.storage.sweep_folder import SweepFolder
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
    """A callback that hears nothing."""

    def on_progress(self, phase: str, done: int, total: int) -> None: ...
    def on_trial_start(self, trial: Trial, progress: SweepProgress) -> None: ...
    def on_trial_report(self, trial: Trial, progress: SweepProgress) -> None: ...
    def on_trial_end(self, trial: Trial, progress: SweepProgress) -> None: ...
    def on_message(self, text: str) -> None: ...


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


def opened(folder: Path, config: SweepConfig, space: Space = SPACE) -> SweepStudy:
    folder.mkdir(exist_ok=True)
    return SweepStudy.open(journal(folder), config, space)


def score(params: Mapping[str, object], seed: int, epoch: int) -> float:
    """Make a score up that grows with the epochs to a height of the trial's own, with ups and downs."""
    noise = hashlib.sha256(json.dumps([dict(params), seed], sort_keys=True).encode()).digest()
    return noise[0] / 256 * (1 - 1 / (1 + epoch)) + noise[epoch] / 512


def run(folder: Path, config: SweepConfig, space: Space = SPACE) -> tuple[SweepStudy, SweepController]:
    """Run a sweep, or go on with it, to its end or until its budget is used up."""
    study = opened(folder, config, space)
    study.extend()
    sweep = SweepFolder(Storage.at(str(folder)), "toy")
    storage, paths = sweep.storage, sweep.paths
    controller = SweepController(study, sweep, Silent(), context=DriverContext(clock=lambda: 0.0))
    while (request := controller.next_trial()) is not None:
        epoch = len(storage.names(paths.trial(request.number).checkpoints)) if request.resumes else 0
        epoch = min(epoch, request.epochs_reported)
        ends = False
        while not ends and not controller.is_over():
            epoch += 1
            storage.write(f"{paths.trial(request.number).checkpoint(epoch)}/state.json", b"{}")
            metrics = {"score": score(request.params, request.seed, epoch), "train_loss": 0.5}
            ends = controller.reported(request.number, Report(epoch, metrics, 1e9 + request.number * 100 + epoch))
    return study, controller


def story(study: SweepStudy) -> list[tuple[object, ...]]:
    """Return all of a sweep that must not depend on interruptions."""
    return [
        (r.number, dict(r.params), [dict(x.metrics) for x in r.reports], r.state, r.reason, r.best_value, r.best_epoch)
        for r in study.trials()
    ]
