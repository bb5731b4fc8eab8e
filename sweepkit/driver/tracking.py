"""A sweep's runs in its tracking store: the driver opens and ends them, and records whether the store has everything.

The package `tracking` wraps MLflow and does not depend on a driver; this module is the driver's use of it. Try
`SweepRuns.open(definition, folder, manifest)`.
"""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Mapping, Sequence

from sweepkit.config.definition import SweepDefinition
from sweepkit.data.dataset import PreparedData
from sweepkit.data.manifest import Manifest
from sweepkit.errors import StorageFault
from sweepkit.provenance import CodeInfo
from sweepkit.storage.manifest import SweepEnd, SweepManifest
from sweepkit.storage.sweep_folder import SweepFolder
from sweepkit.tracking import run_endings
from sweepkit.tracking.pending_runs import is_pending
from sweepkit.tracking.run_metadata import RunMetadata, SplitInput
from sweepkit.tracking.sweep_logger import SweepLogger
from sweepkit.tracking.uris import shown
from sweepkit.trial.leaderboard import Leaderboard
from sweepkit.trial.trial import Trial


class SweepRuns:
    """The runs of a sweep, or of its final stage. Made by `open`; `describe_data` comes before the first trial."""

    def __init__(self, logger: SweepLogger, folder: SweepFolder, metadata: RunMetadata, metric: str) -> None:
        self.logger = logger
        self._folder, self._metadata, self._metric = folder, metadata, metric
        self._dataset: PreparedData | None = None

    @classmethod
    def open(cls, definition: SweepDefinition, folder: SweepFolder, manifest: SweepManifest) -> SweepRuns | None:
        """Open the sweep's run, the same one when the sweep resumes; None when tracking is off.

        Args:
            definition: the sweep.
            folder: of the sweep, or of its final stage.
            manifest: of that folder.

        Raises:
            InputError: the store cannot be used.
        """
        config = definition.config
        if not config.tracking.enabled:
            return None
        parent = folder.whole.manifest().parent_run_id if folder.stage else None
        # of this run, not of the sweep's first one: a resumed sweep may run with other versions
        current = manifest.changed(code=CodeInfo.here(definition.package.folder))
        metadata = RunMetadata.of(folder, current, parent_run_id=parent)
        logger = SweepLogger.open(config.tracking.uri, metadata, run_id=manifest.parent_run_id)
        target = shlex.quote(str(folder.whole.local or definition.source))
        logger.remedy = f"`python -m sweepkit sync {target}` uploads the rest when it is reachable again"
        logger.is_behind = not manifest.is_synced
        # before the first trial: a kill then leaves `synced` false, so that the next run or `sync` uploads the rest
        folder.update(parent_run_id=logger.parent_run_id, tracking_uri=shown(logger.uri), ended=None, synced=False)
        return cls(logger, folder, metadata, config.objective.metric)

    def describe_data(self, dataset: PreparedData) -> None:
        """Log which data the sweep trains and validates on."""
        self._dataset = dataset
        for split, context in (("train", "training"), ("valid", "validation")):
            self._log_split(self.logger.parent_run_id, split, context)

    def start(self, trial: Trial, *, resumes: bool = False) -> str:
        """Return the id of a trial's run: a new one, or the one of an earlier attempt that it `resumes`."""
        run_id = self.logger.start_trial(trial, tags=self._metadata.tags, may_exist=resumes)
        if trial.run_id is None:  # otherwise an earlier attempt has logged it
            self._log_split(run_id, "train", "training")
        return run_id

    def collect(self, trial: Trial, *, has_ended: bool = False) -> None:
        """Upload what the trial's worker could not send itself."""
        if trial.run_id:
            self.logger.collect(trial.run_id, self._folder.trial(trial.number), has_ended=has_ended)

    def end(self, trial: Trial) -> None:
        """Log how a trial ended."""
        if trial.run_id is None or trial.state is None:
            return
        # first, so that a run that has ended has all of its reports
        self.collect(trial, has_ended=True)
        folder = self._folder.trial(trial.number)
        self.logger.end_trial(trial.run_id, run_endings.of_trial(trial, self._metric, folder))

    def log_again(self, trials: Sequence[Trial]) -> None:
        """Log the ends of trials of earlier runs, if the store may lack some of them."""
        # all of them, since nothing records which have arrived; logging an end twice changes nothing
        for trial in trials if self.logger.is_behind else ():
            if trial.state and trial.run_id and is_pending(trial.run_id):
                self.start(trial)
            self.end(trial)

    def finish(
        self, status: SweepEnd, board: Leaderboard, *, keep: int = 0, also: Mapping[str, object] | None = None
    ) -> None:
        """End the sweep's run, and write into its manifest how it ended, for a `sync` later on.

        Args:
            status: how the sweep ended.
            board: its trials.
            keep: number of leaders whose best checkpoint is uploaded to their runs, if the storage is a folder.
            also: further figures of the winner.
        """
        for trial in board.leaders[:keep] if self._folder.local is not None else ():
            if trial.run_id and trial.best_epoch:
                checkpoint = self._folder.trial(trial.number).paths.checkpoint(trial.best_epoch)
                self.logger.log_checkpoint(trial.run_id, self._folder.storage.path(checkpoint))
        self.logger.finish(run_endings.of_sweep(status, board, also=also), board.columns())
        # suppressed: if the sweep ends because of a full disk, that error is being raised already
        with contextlib.suppress(StorageFault):
            self._folder.update(ended=status)

    def close(self) -> None:
        """Upload what is left and, if the store then has everything, write that into the sweep's manifest."""
        if self.logger.close():
            with contextlib.suppress(StorageFault):  # at worst the next run compares without need
                self._folder.update(synced=True)

    def _log_split(self, run_id: str, split: str, context: str) -> None:
        assert self._dataset is not None, "describe_data() comes first"
        folder = str(self._dataset.folder)
        self.logger.log_dataset(run_id, split_input(self._dataset.manifest, folder, split=split, context=context))


def split_input(manifest: Manifest, source: str, *, split: str, context: str) -> SplitInput:
    """Return one split of prepared data as an input of a run."""
    return SplitInput(
        name=f"{manifest.package}-{split}",
        digest=manifest.key,
        source=source,
        profile=manifest.profile(split),
        context=context,
    )
