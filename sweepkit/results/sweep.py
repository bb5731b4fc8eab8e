"""A sweep as its folder tells it, running or ended, without touching it: what `status` and `best` read.

Try `load_sweep(Path("sweeps/cells.yaml")).best()`.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sweepkit.config.definition import load
from sweepkit.config.schema import SweepConfig
from sweepkit.errors import DataError, InputError
from sweepkit.results.final_result import FinalResult
from sweepkit.storage.layout import SweepPaths
from sweepkit.storage.lock import LockOwner, read_holder
from sweepkit.storage.manifest import check_manifest, versions
from sweepkit.storage.storage import Storage
from sweepkit.study.journal import Journal
from sweepkit.study.journal_file import open_journal
from sweepkit.study.usage import Usage, usage
from sweepkit.trial.leaderboard import ranked, table
from sweepkit.trial.trial import Direction, Trial, TrialState


@dataclass(frozen=True)
class Sweep:
    """A sweep at the moment when it was read.

    Attributes:
        name: in the storage.
        config: its settings.
        n_trials: how many trials it is to have.
        trials: those that were handed out.
        storage: where it is.
        errors: the traceback of each trial that left one.
        final: what its final stage found; None before it.
        usage: by its last report, over all of its runs.
    """

    name: str
    config: SweepConfig
    n_trials: int
    trials: list[Trial]
    storage: Storage
    errors: dict[int, str]
    final: FinalResult | None = None
    usage: Usage = field(default_factory=Usage)

    @property
    def paths(self) -> SweepPaths:
        return SweepPaths(self.name)

    @property
    def folder(self) -> str:
        return f"{self.storage.shown}/{self.paths.root}"

    def counts(self) -> dict[str, int]:
        """Return how many trials are complete, pruned, failed and unfinished."""
        seen = Counter(trial.state.value if trial.state else "unfinished" for trial in self.trials)
        return {name: seen[name] for name in ("complete", "pruned", "failed", "unfinished")}

    def unfinished(self) -> list[Trial]:
        return [trial for trial in self.trials if trial.state is None]

    def table(self) -> list[dict[str, Any]]:  # values of many types, as in a data frame
        return table(self.trials, metric=self.config.objective.metric, direction=self._direction)

    def best(self) -> Trial:
        """Return the leading trial.

        Raises:
            InputError: no trial has reported a finite objective yet.
        """
        leaders = ranked(self.trials, self._direction)
        if not leaders:
            raise InputError(
                f"no trial of {self.name!r} has reported {self.config.objective.metric!r} yet", where=self.folder
            )
        return leaders[0]

    def log(self, trial: Trial) -> str:
        """Return where the log of a trial is."""
        return f"{self.storage.shown}/{self.paths.trial(trial.number).log}"

    def failed(self) -> list[Trial]:
        return [trial for trial in self.trials if trial.state is TrialState.FAILED]

    def faulty(self) -> list[Trial]:
        """Return the trials of which at least one attempt ended in a fault."""
        return [trial for trial in self.trials if trial.failures]

    def checkpoint(self, trial: Trial) -> str:
        """Return where the checkpoint of a trial's best epoch is."""
        assert trial.best_epoch is not None, "a ranked trial has a best epoch"
        return f"{self.storage.shown}/{self.paths.trial(trial.number).checkpoint(trial.best_epoch)}"

    def disk_bytes(self) -> int:
        """Return how much the sweep's folder holds, its final stage included; the prepared data is elsewhere."""
        return self.storage.size(self.paths.root)

    def running(self) -> LockOwner | None:
        """Return who runs the sweep at this moment; None when nobody does."""
        holder = read_holder(self.storage, self.paths.lock)
        return holder if holder and holder.is_alive(now=time.time()) else None

    @property
    def _direction(self) -> Direction:
        return Direction(self.config.objective.mode)


def load_sweep(target: Path, sets: Sequence[str] = (), data: str | None = None) -> Sweep:
    """Read the sweep that a YAML or a sweep's folder names; of several versions, the newest.

    Raises:
        InputError: there is no such sweep yet.
    """
    storage, name = _by_folder(target) if target.is_dir() else _by_yaml(target, sets, data)
    paths = SweepPaths(name)
    manifest = storage.read_json(paths.manifest)
    config = SweepConfig.model_validate(manifest["spec"])
    trials: list[Trial] = []
    errors: dict[int, str] = {}
    so_far = Usage()
    if storage.exists(paths.journal):
        with open_journal(storage, paths, read_only=True) as path:
            journal = Journal.read(path, config)
            trials = journal.trials()
            so_far = usage(journal.runs(), trials)
            found = {trial.number: journal.error(trial.number) for trial in trials}
        errors = {number: error for number, error in found.items() if error}
    final = read_final(storage, paths)
    return Sweep(name, config, manifest["n_trials"], trials, storage, errors, final, so_far)


def read_final(storage: Storage, paths: SweepPaths) -> FinalResult | None:
    """Return what a sweep's final stage found; None when it has not come to its end."""
    if not storage.exists(paths.final_result):
        return None
    try:
        return FinalResult.from_json(storage.read_json(paths.final_result))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        where = f"{storage.shown}/{paths.final_result}"
        raise DataError(
            f"what the final stage found cannot be read: {error}; delete it and run `final` again", where=where
        ) from None


def _by_folder(folder: Path) -> tuple[Storage, str]:
    folder = folder.resolve()
    storage, name = Storage.at(str(folder.parent.parent)), folder.name
    if folder.parent.name != "sweeps" or not storage.exists(SweepPaths(name).manifest):
        raise InputError("this folder is no sweep: a sweep's folder has a manifest.json", where=str(folder))
    check_manifest(storage, name)
    return storage, name


def _by_yaml(path: Path, sets: Sequence[str], data: str | None) -> tuple[Storage, str]:
    config = load(path, sets, data=data).config
    storage = Storage.at(config.storage.uri)
    found = versions(storage, config.sweep)
    if not found:
        raise InputError(
            f"sweep {config.sweep!r} has not been run yet: "
            f"there is no {storage.shown}/{SweepPaths(config.sweep).root}; "
            f"start it with `python -m sweepkit run {path}`",
            where=str(path),
        )
    return storage, found[-1]
