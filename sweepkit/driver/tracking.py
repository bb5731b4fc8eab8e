"""A sweep's runs in its tracking store, as the driver opens and ends them, and whether all of it has arrived.

The adapter `tracking` knows MLflow and no driver; this is what a driver does with it. Try
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
    """The runs of one sweep, or of its final stage. Made by `open`; `describe_data` comes before the first trial."""

    def __init__(self, logger: SweepLogger, folder: SweepFolder, metadata: RunMetadata, metric: str) -> None:
        self.logger = logger
        self._folder, self._metadata, self._metric = folder, metadata, metric
        self._dataset: PreparedData | None = None

    @classmethod
    def open(cls, definition: SweepDefinition, folder: SweepFolder, manifest: SweepManifest) -> SweepRuns | None:
        """Open the sweep's run, the same one where the sweep goes on; None when tracking is off.

        Args:
            definition: the sweep.
            folder: its folder, or that of its final stage.
            manifest: of that folder.

        Raises:
            InputError: the store cannot be used.
        """
        config = definition.config
        if not config.tracking.enabled:
            return None
        parent = folder.whole.manifest().parent_run_id if folder.stage else None
        current = manifest.changed(code=CodeInfo.here(definition.package.folder))
        metadata = RunMetadata.of(folder, current, parent_run_id=parent)
        logger = SweepLogger.open(config.tracking.uri, metadata, run_id=manifest.parent_run_id)
        target = shlex.quote(str(folder.whole.local or definition.source))
        logger.remedy = f"`python -m sweepkit sync {target}` uploads the rest when it is reachable again"
        logger.is_behind = not manifest.is_synced
        folder.update(parent_run_id=logger.parent_run_id, tracking_uri=shown(logger.uri), ended=None, synced=False)
        return cls(logger, folder, metadata, config.objective.metric)

    def describe_data(self, dataset: PreparedData) -> None:
        """Record which data the sweep trains and validates on."""
        self._dataset = dataset
        for split, context in (("train", "training"), ("valid", "validation")):
            self._log_split(self.logger.parent_run_id, split, context)

    def start(self, trial: Trial, *, resumes: bool = False) -> str:
        """Return the id of a trial's run: a new one, or the one it has, to go on with where it `resumes`."""
        run_id = self.logger.start_trial(trial, tags=self._metadata.tags, may_exist=resumes)
        if trial.run_id is None:
            self._log_split(run_id, "train", "training")
        return run_id

    def collect(self, trial: Trial, *, has_ended: bool = False) -> None:
        """Pass on what the trial's worker could not send itself."""
        if trial.run_id:
            self.logger.collect(trial.run_id, self._folder.trial(trial.number), has_ended=has_ended)

    def end(self, trial: Trial) -> None:
        """Log how a trial ended."""
        if trial.run_id is None or trial.state is None:
            return
        self.collect(trial, has_ended=True)
        folder = self._folder.trial(trial.number)
        self.logger.end_trial(trial.run_id, run_endings.of_trial(trial, self._metric, folder))

    def log_again(self, trials: Sequence[Trial]) -> None:
        """Log the ends of trials of earlier runs, where the store may not have all of them."""
        for trial in trials if self.logger.is_behind else ():
            if trial.state and trial.run_id and is_pending(trial.run_id):
                self.start(trial)
            self.end(trial)

    def finish(
        self, status: SweepEnd, board: Leaderboard, *, keep: int = 0, also: Mapping[str, object] | None = None
    ) -> None:
        """End the sweep's run, and note in its manifest how it ended, for a store that is filled only later.

        Args:
            status: how the sweep ended.
            board: its trials.
            keep: upload the best checkpoint of so many leaders to their runs, if the storage is a folder.
            also: what else is known of the winner.
        """
        for trial in board.leaders[:keep] if self._folder.local is not None else ():
            if trial.run_id and trial.best_epoch:
                checkpoint = self._folder.trial(trial.number).paths.checkpoint(trial.best_epoch)
                self.logger.log_checkpoint(trial.run_id, self._folder.storage.path(checkpoint))
        self.logger.finish(run_endings.of_sweep(status, board, also=also), board.columns())
        with contextlib.suppress(StorageFault):  # which is being raised already if it is why the sweep ends
            self._folder.update(ended=status)

    def close(self) -> None:
        """Log what is left, and note in the sweep's manifest that the store has everything, if it does."""
        if self.logger.close():
            with contextlib.suppress(StorageFault):  # at worst it is logged again
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
