"""Names of all files of a sweep, relative to the storage root; no other module joins strings to names.

They are POSIX paths, not paths of this machine: the storage may be a bucket. README.md lists what of them a kill
leaves. Try `SweepPaths("cells").trial(7).log`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TrialPaths:
    """Names of one trial's files; `root` is its folder."""

    root: str

    @property
    def log(self) -> str:
        return f"{self.root}/log.txt"

    @property
    def checkpoints(self) -> str:
        return f"{self.root}/checkpoints"

    def checkpoint(self, epoch: int) -> str:
        return f"{self.checkpoints}/epoch-{epoch:04d}"

    @property
    def spool(self) -> str:
        return f"{self.root}/spool"

    def spooled(self, epoch: int) -> str:
        return f"{self.spool}/epoch-{epoch:04d}.json"

    def predictions(self, split: str) -> str:
        return f"{self.root}/predictions-{split}.parquet"

    @property
    def mistakes(self) -> str:
        """The rows of the validation split with the most confident wrong predictions."""
        return f"{self.root}/mistakes.json"


@dataclass(frozen=True, slots=True)
class SweepPaths:
    """Names of one sweep's files; `stage` is "final" for its final stage, a small sweep in its folder."""

    sweep: str
    stage: str | None = None

    @property
    def root(self) -> str:
        return f"sweeps/{self.sweep}/{self.stage}" if self.stage else f"sweeps/{self.sweep}"

    @property
    def manifest(self) -> str:
        return f"{self.root}/manifest.json"

    @property
    def journal(self) -> str:
        return f"{self.root}/journal.log"

    @property
    def leaderboard(self) -> str:
        return f"{self.root}/leaderboard.json"

    @property
    def lock(self) -> str:
        """The driver that runs the sweep; exists only while one does."""
        return f"{self.root}/running.json"

    @property
    def trials(self) -> str:
        return f"{self.root}/trials"

    @property
    def final(self) -> SweepPaths:
        """The final stage: a small sweep in the folder of the sweep whose best trials it retrains."""
        return SweepPaths(self.sweep, "final")

    @property
    def final_result(self) -> str:
        return f"{self.final.root}/result.json"

    @property
    def looks(self) -> str:
        """Every evaluation on the test split."""
        return f"{self.final.root}/looks.json"

    @property
    def linear_predictions(self) -> str:
        """The linear baseline's predictions for the validation split."""
        return f"{self.final.root}/linear.parquet"

    @property
    def winner(self) -> str:
        """The bundle of the sweep's winner."""
        return f"{self.root}/winner"

    def trial(self, number: int) -> TrialPaths:
        return TrialPaths(f"{self.trials}/{number:04d}")


@dataclass(frozen=True, slots=True)
class DataPaths:
    """Names of prepared data: one folder for each package and content key."""

    package: str
    key: str

    @property
    def root(self) -> str:
        return f"data/{self.package}-{self.key}"

    @property
    def manifest(self) -> str:
        return f"{self.root}/manifest.json"
