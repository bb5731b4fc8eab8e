"""Studies over real journal files, whose trials are asked for and reported one by one."""

from __future__ import annotations

from pathlib import Path

from sweepkit.config.schema import SweepConfig
from sweepkit.space import Choice, Float, Int, Space
from sweepkit.study.study import SweepStudy
from sweepkit.trial.trial import Report, Trial

SPACE = Space(
    {
        "cell": Choice(("gru", "none")),
        "units": Int(8, 64, step=8, when={"cell": ("gru",)}),
        "rate": Float(1e-4, 1e-1, log=True),
    }
)


def config(
    *, trials: int = 30, sampler: str = "random", direction: str = "max", seed: int = 1, **stopping: object
) -> SweepConfig:
    return SweepConfig.model_validate(
        {
            "sweep": "toy",
            "package": "toy",
            "objective": {"metric": "score", "mode": direction},
            "search": {"sampler": sampler, "trials": trials, "seed": seed},
            "stopping": {"rule": "none", "max_epochs": 9, **stopping},
        }
    )


def opened(folder: Path, wanted: SweepConfig, space: Space = SPACE) -> SweepStudy:
    return SweepStudy.open(folder / "journal.log", wanted, space)


def report(epoch: int, score: float) -> Report:
    return Report(epoch, {"score": score, "train_loss": 1.0}, timestamp=1.7e9 + epoch)


def asked(study: SweepStudy) -> Trial:
    trial = study.ask()
    assert trial is not None
    return trial
