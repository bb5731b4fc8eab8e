"""A sweep read back from its folder, running or ended; nothing in the folder is changed.

Try `load_sweep(Path("sweeps/cells.yaml")).best_trial.params`.
"""

from __future__ import annotations

import functools
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from sweepkit.config.definition import load
from sweepkit.config.schema import SweepConfig
from sweepkit.errors import InputError
from sweepkit.results.final_result import FinalResult, read_final
from sweepkit.results.tables import PARAM_PREFIX, epochs_table, trials_table
from sweepkit.space import Space
from sweepkit.storage.lock import read_owner
from sweepkit.storage.manifest import SweepEnd, SweepManifest
from sweepkit.storage.owner import LockOwner
from sweepkit.storage.storage import Storage
from sweepkit.storage.sweep_folder import SweepFolder, sweep_folders
from sweepkit.study.journal import Journal
from sweepkit.study.local_journal import open_journal
from sweepkit.study.usage import Usage, usage
from sweepkit.trial.early_stopping import extensible
from sweepkit.trial.leaderboard import Leaderboard
from sweepkit.trial.trial import Trial, TrialState

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


@dataclass(frozen=True)
class Sweep:
    """A sweep, or its final stage, at the moment when it was read.

    Attributes:
        folder: of the sweep.
        manifest: its settings, and what its results depend on.
        trials: those that were handed out, by number.
        errors: the tracebacks of failed trials, by number.
        usage: time, worker time and epochs up to the last report, over all of its runs.
    """

    folder: SweepFolder
    manifest: SweepManifest
    trials: list[Trial]
    errors: Mapping[int, str] = field(default_factory=dict)
    usage: Usage = field(default_factory=Usage)

    def __repr__(self) -> str:
        counts = ", ".join(f"{n} {state}" for state, n in self.counts().items() if n)
        return f"<Sweep {self.name}: {counts or 'no trials'}>"

    @property
    def name(self) -> str:
        return self.folder.title

    @property
    def config(self) -> SweepConfig:
        return self.manifest.config

    @property
    def n_trials(self) -> int:
        """How many trials it is to have; for a final stage, whose manifest has no such number, those that it has."""
        return len(self.trials) if self.manifest.n_trials is None else self.manifest.n_trials

    @functools.cached_property
    def space(self) -> Space:
        """The search space, as the sweep narrowed it."""
        return Space.from_description(self.manifest.space)

    @property
    def best_trial(self) -> Trial:
        """The leading trial.

        Raises:
            InputError: no trial has reported a finite objective yet.
        """
        best = self.leaderboard.best
        if best is None:
            raise InputError(
                f"no trial of {self.name!r} has reported {self.config.objective.metric!r} yet",
                where=self.folder.shown(),
            )
        return best

    @functools.cached_property
    def final(self) -> FinalResult | None:
        """The result of its final stage; None before the stage has ended.

        Raises:
            DataError: the file is damaged.
        """
        return None if self.folder.stage else read_final(self.folder)

    @functools.cached_property
    def leaderboard(self) -> Leaderboard:
        """The trials that have a finite objective and did not fail, the best first."""
        objective = self.config.objective
        return Leaderboard(self.trials, metric=objective.metric, direction=objective.direction)

    def is_finished(self, max_epochs: int, n_trials: int) -> bool:
        """Return whether no work is left if the sweep is to have this many epochs and trials."""
        # both are arguments: the YAML of a repeated command may ask for more than the manifest has
        n_ended = sum(trial.state is not None for trial in self.trials) - len(extensible(self.trials, max_epochs))
        return self.folder.has_begun() and n_ended == len(self.trials) >= n_trials

    def trials_dataframe(self) -> pd.DataFrame:
        """Return a pandas data frame with a row for each trial: number, state, reason, best value, `params.*`, …"""
        frame = self.trials_table().to_pandas().rename(columns={"outcome": "state"})
        return frame.rename(columns=lambda name: name.replace(PARAM_PREFIX, "params.", 1))

    def epochs_dataframe(self) -> pd.DataFrame:
        """Return a pandas data frame with a row for each trial and epoch, every metric a column."""
        return self.epochs_table().to_pandas()

    def trials_table(self) -> pa.Table:
        """Return an Arrow table with a row for each trial, params as columns `param.*`."""
        return trials_table(self.trials, self.space.parameters).replace_schema_metadata(self._metadata)

    def epochs_table(self) -> pa.Table:
        """Return an Arrow table with a row for each trial and epoch, every metric a column."""
        return epochs_table(self.trials).replace_schema_metadata(self._metadata)

    @property
    def _metadata(self) -> dict[str, str]:
        objective = self.config.objective
        return {"sweep": self.name, "metric": objective.metric, "mode": objective.mode}

    def counts(self) -> dict[str, int]:
        """Return how many trials are complete, pruned, failed and unfinished."""
        n_by_state = Counter(trial.state.value if trial.state else "unfinished" for trial in self.trials)
        return {name: n_by_state[name] for name in ("complete", "pruned", "failed", "unfinished")}

    def ended_as(self) -> SweepEnd | None:
        """Return how the sweep ended; None while it runs, and after a kill before all of its trials had ended."""
        if self.manifest.ended is not None or self.manifest.n_trials is None:
            return self.manifest.ended
        # by the trials: a driver without tracking writes no `ended`, and one that was killed may not have come to it
        if len(self.trials) < self.manifest.n_trials or self.unfinished():
            return None
        return "finished" if any(trial.state is TrialState.COMPLETE for trial in self.trials) else "failed"

    def unfinished(self) -> list[Trial]:
        return [trial for trial in self.trials if trial.state is None]

    def failed(self) -> list[Trial]:
        return [trial for trial in self.trials if trial.state is TrialState.FAILED]

    def with_failures(self) -> list[Trial]:
        """Return the trials with at least one failed attempt."""
        return [trial for trial in self.trials if trial.failures]

    def log(self, trial: Trial) -> str:
        """Return where the log of a trial is."""
        return self.folder.shown(self.folder.paths.trial(trial.number).log)

    def checkpoint(self, trial: Trial) -> str:
        """Return where the checkpoint of a trial's best epoch is.

        Raises:
            InputError: the trial has reported no finite objective, so it has no best epoch.
        """
        if trial.best_epoch is None:
            raise InputError(f"trial {trial.number} has no best epoch: it reported no finite objective")
        return self.folder.shown(self.folder.paths.trial(trial.number).checkpoint(trial.best_epoch))

    def disk_bytes(self) -> int:
        """Return the size of the sweep's folder, with its final stage and without the prepared data."""
        return self.folder.storage.size(self.folder.paths.root)

    def running(self) -> LockOwner | None:
        """Return the driver that runs the sweep now; None if there is none."""
        owner = read_owner(self.folder)
        return owner if owner and owner.is_alive(now=time.time()) else None


def load_sweep(target: str | Path, sets: Sequence[str] = (), data: str | None = None) -> Sweep:
    """Read the sweep that a YAML or a sweep's folder names; of several folders of one name, the newest.

    Args:
        target: the YAML, a sweep's folder, or the folder of its final stage.
        sets: overrides of the YAML, each `key.key=value`.
        data: takes the place of the YAML's `data.source`.

    Raises:
        InputError: there is no such sweep yet.
    """
    path = Path(target)
    sweep = read_sweep(_by_folder(path) if path.is_dir() else _by_yaml(path, sets, data))
    sweep.final  # noqa: B018  # a damaged file is reported here, not at its first use
    return sweep


def read_sweep(folder: SweepFolder) -> Sweep:
    """Read the sweep, or the final stage, in a folder.

    Raises:
        DataError: the manifest or the journal is damaged.
    """
    manifest = folder.manifest()
    if not folder.has_begun():
        return Sweep(folder, manifest, [])
    with open_journal(folder, read_only=True) as path:
        journal = Journal.read(path, manifest.config)
        trials = journal.trials()
        errors = {trial.number: error for trial in trials if (error := journal.error(trial.number))}
        return Sweep(folder, manifest, trials, errors, usage(journal.runs(), trials))


def _by_folder(path: Path) -> SweepFolder:
    # resolved, so that `.` and links work: the storage and the sweep's name are parts of the path
    path = path.resolve()
    if path.parent.parent.name == "sweeps" and path.name == "final":
        stage = _by_folder(path.parent).final
        if not stage.has_begun():
            raise InputError(f"the final stage of {stage.sweep!r} has not begun", where=str(path))
        return stage
    folder = SweepFolder(Storage.at(str(path.parent.parent)), path.name)
    if path.parent.name != "sweeps" or not folder.exists():
        raise InputError("this folder is not a sweep: a sweep's folder has a manifest.json", where=str(path))
    return folder


def _by_yaml(path: Path, sets: Sequence[str], data: str | None) -> SweepFolder:
    config = load(path, sets, data=data).config
    storage = Storage.at(config.storage.uri)
    folders = sweep_folders(storage, config.sweep)
    if not folders:
        missing = SweepFolder(storage, config.sweep).shown()
        raise InputError(
            f"sweep {config.sweep!r} has not been run yet: there is no {missing}; "
            f"start it with `python -m sweepkit run {path}`",
            where=str(path),
        )
    return folders[-1]
