"""Keep the checkpoints of the `storage.keep` best trials that have ended, and delete the others while a sweep runs.

Those of a running trial are not touched: its worker deletes the ones that it needs no more. Try
`CheckpointRetention(folder, config, ended).update(ended, newest)`.
"""

from __future__ import annotations

from collections.abc import Iterable

from sweepkit.config.schema import SweepConfig
from sweepkit.storage.sweep_folder import SweepFolder
from sweepkit.trial.leaderboard import ranked
from sweepkit.trial.trial import Trial


class CheckpointRetention:
    """Delete the checkpoints of trials that are no longer among the best."""

    def __init__(self, folder: SweepFolder, config: SweepConfig, ended: Iterable[Trial]) -> None:
        self._folder, self._config = folder, config
        self._kept = self._best(ended)

    def update(self, ended: Iterable[Trial], newest: Trial) -> None:
        """Delete the checkpoints of ended trials that are no longer among the best, maybe those of the newest."""
        best = self._best(ended)
        # Only what changed: a sweep may have thousands of trials, and each deletion in a bucket is a request. A kill
        # before this line leaves the checkpoints of one trial, which no later update deletes.
        for number in (self._kept | {newest.number}) - best:
            self._folder.storage.delete(self._folder.paths.trial(number).checkpoints)
        self._kept = best

    def _best(self, ended: Iterable[Trial]) -> set[int]:
        leaders = ranked(list(ended), self._config.objective.direction)
        return {trial.number for trial in leaders[: self._config.storage.keep]}
