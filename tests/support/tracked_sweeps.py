"""Sweeps of which an MLflow store has only a part."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from sweepkit.config.definition import load
from sweepkit.storage.storage import Storage
from sweepkit.study.pruning import Decision
from sweepkit.study.study import SweepStudy
from sweepkit.tracking import spool
from sweepkit.trial.trial import Report, Trial, TrialState
from tests.support.small_sweeps import POINT, YAML

TRACKED = YAML.replace("tracking: {enabled: false}", "tracking: {uri: '{uri}'}")
SweepFile = Callable[..., Path]
CHILDREN = "select r.run_uuid from runs r join tags t on t.run_uuid = r.run_uuid and t.key = 'sweepkit.trial'"


def tracked_sweep(root: Path, sweep_file: SweepFile, uri: str) -> tuple[Path, Any]:
    """A sweep in a store with a trial whose run is there, one whose run is not known, and one without any.

    Nothing but the first run's first epoch has arrived; spools hold the rest.
    """
    from sweepkit.driver.claim import claim_sweep
    from sweepkit.tracking.run_metadata import RunMetadata
    from sweepkit.tracking.sweep_logger import SweepLogger

    storage = Storage.at(str(root / "runs"))
    path = sweep_file(TRACKED.replace("{uri}", uri))
    definition = load(path, ["search.trials=3"])
    folder, manifest = claim_sweep(definition, storage, data_key="key1", new=False)
    sweep_logger = SweepLogger.open(uri, RunMetadata.of(folder, manifest))
    folder.update(parent_run_id=sweep_logger.parent_run_id, ended="finished")
    study = SweepStudy.open(storage.path(folder.paths.journal), definition.config, definition.space)
    study.queue([POINT] * 3)
    run_ids = [sweep_logger.start_trial(Trial(number, POINT)) for number in (0, 1)]
    assert sweep_logger.close()
    for number, run_id in enumerate((run_ids[0], "pending-0001", "pending-0002")):
        trial = study.ask()
        assert trial is not None
        study.note(number, "run_id", run_id)
        for epoch in (1, 2):
            report = Report(epoch, {"train_loss": 0.1, "valid_accuracy": 0.5 + number / 10}, 1.7e9 + epoch)
            if (number, epoch) == (0, 1):
                sweep_logger._store.log_metrics(run_id, report.metrics, step=epoch, timestamp=report.timestamp)
            else:
                spool.write(folder.trial(number), report, {"sweepkit.host": "far"})
            study.report(number, report)
        study.finish(number, Decision(TrialState.COMPLETE, "ran all 2 epochs"))
    return storage.path(folder.paths.root), run_ids
