"""A store that is filled after a sweep, beside one that was written to while it ran."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sweepkit.storage.sweep_folder import SweepFolder
from sweepkit.tracking import spool
from sweepkit.tracking.backfill import Backfill, BackfillCounts
from sweepkit.tracking.errors import RefusedError
from sweepkit.tracking.run_endings import RunEnding
from sweepkit.tracking.run_metadata import RunMetadata, SplitInput
from sweepkit.trial.trial import Report, Trial, TrialState
from tests.support.made_up_runs import ending, metadata

if TYPE_CHECKING:
    from mlflow.entities import Run
    from mlflow.tracking import MlflowClient

    from sweepkit.tracking.sweep_logger import SweepLogger

pytestmark = [pytest.mark.mlflow, pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy is deprecated")]
METADATA = metadata(tags={"sweepkit.host": "one", "sweepkit.commit": "abc"}, params={"search.sampler": "tpe"})
SPLIT = SplitInput(name="toy-train", digest="ab" * 32, source="/data", profile={"rows": 9}, context="training")
REPORTS = tuple(Report(epoch, {"loss": 1 / epoch, "train_seconds": 2.0}, 1.7e9 + epoch) for epoch in (1, 2))
TRIALS = [
    Trial(0, {"cell": "gru", "units": 8}, REPORTS, state=TrialState.COMPLETE, started=1.7e9, ended=1.7e9 + 3),
    Trial(1, {"cell": "lstm", "units": 16}, REPORTS[:1], state=TrialState.PRUNED, started=1.7e9, ended=1.7e9 + 4),
]
SWEEP_ENDING = RunEnding("FINISHED", {"best_loss": 0.5}, {"sweepkit.best_trial": "0"}, 1.7e9 + 4)
LEADERBOARD = {"rank": [1, 2], "trial": [0, 1]}


@pytest.fixture
def other_uri(empty_store: Path, tmp_path: Path) -> str:
    (tmp_path / "other").mkdir()
    shutil.copy(empty_store, tmp_path / "other" / "mlflow.db")
    return f"sqlite:///{tmp_path}/other/mlflow.db"


@pytest.fixture
def live_logger(uri: str) -> Iterator[SweepLogger]:
    from sweepkit.tracking.sweep_logger import SweepLogger

    sweep_logger = SweepLogger.open(uri, METADATA)
    yield sweep_logger
    sweep_logger.close()


def trial_ending(trial: Trial) -> RunEnding:
    return ending(trial, state=trial.state, best_value=trial.reports[-1].metrics["loss"], best_epoch=trial.epoch)


def log_live(sweep_logger: SweepLogger, sweep_folder: SweepFolder) -> list[str]:
    """Log a sweep as its driver and its workers do."""
    run_ids = []
    for trial in TRIALS:
        folder = sweep_folder.trial(trial.number)
        run_ids.append(sweep_logger.start_trial(trial, tags=METADATA.tags))
        sweep_logger.log_dataset(run_ids[-1], SPLIT)
        for report in trial.reports:
            spool.write(folder, report, {})
        sweep_logger.collect(run_ids[-1], folder, has_ended=True)
        sweep_logger.end_trial(run_ids[-1], trial_ending(trial))
    sweep_logger.finish(SWEEP_ENDING, LEADERBOARD)
    assert sweep_logger.close()
    return run_ids


def fill(
    uri: str, sweep_folder: SweepFolder, *, run_id: str | None = None, metadata: RunMetadata = METADATA
) -> BackfillCounts:
    """Upload the same sweep afterwards."""
    backfill = Backfill.open(uri, metadata, run_id=run_id)
    for trial in TRIALS:
        backfill.trial(trial, sweep_folder.trial(trial.number), split=SPLIT, ending=trial_ending(trial))
    backfill.sweep(SWEEP_ENDING, LEADERBOARD)
    return backfill.counts


def content(uri: str) -> dict[str, Any]:
    """What a user finds in a store, by the names of its runs; only ids and times of starts are left out."""
    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracking_uri=uri)
    runs = client.search_runs([client.get_experiment_by_name("cells").experiment_id])
    names = {run.info.run_id: run.info.run_name for run in runs}
    return {run.info.run_name: _content(client, run, names) for run in runs}


def _content(client: MlflowClient, run: Run, names: dict[str, str]) -> dict[str, Any]:
    tags = {key: names.get(value, value) for key, value in run.data.tags.items()}
    histories = {
        key: [(m.step, m.value, m.timestamp) for m in client.get_metric_history(run.info.run_id, key)]
        for key in run.data.metrics
    }
    inputs = [(entry.dataset.name, entry.dataset.digest) for entry in run.inputs.dataset_inputs]
    artifacts = [file.path for file in client.list_artifacts(run.info.run_id)]
    return {
        **{"status": run.info.status, "end": run.info.end_time, "params": run.data.params, "tags": tags},
        **{"metrics": histories, "inputs": inputs, "artifacts": artifacts},
    }


def test_a_store_that_is_filled_afterwards_equals_one_that_was_never_missed(
    uri: str, other_uri: str, live_logger: SweepLogger, sweep_folder: SweepFolder
) -> None:
    log_live(live_logger, sweep_folder)
    counts = fill(other_uri, sweep_folder)
    assert (counts.runs, counts.reports, counts.endings) == (3, 3, 3)
    live = content(uri)
    assert sorted(live) == ["0000 gru 8", "0001 lstm 16", "some"]
    assert live["0000 gru 8"]["metrics"]["loss"] == [(1, 1.0, 1_700_000_001_000), (2, 0.5, 1_700_000_002_000)]
    assert content(other_uri) == live


def test_nothing_is_missing_after_a_sweep_that_was_logged_live(
    uri: str, live_logger: SweepLogger, sweep_folder: SweepFolder
) -> None:
    log_live(live_logger, sweep_folder)
    before = content(uri)
    assert fill(uri, sweep_folder, run_id=live_logger.parent_run_id) == BackfillCounts()
    assert content(uri) == before


@pytest.mark.parametrize("fixture", ["uri", "other_uri"])
def test_runs_are_found_without_their_ids(
    request: pytest.FixtureRequest, fixture: str, sweep_folder: SweepFolder
) -> None:
    """By origin, parent and number: the manifest and the journal have no ids of another store."""
    address = request.getfixturevalue(fixture)
    fill(address, sweep_folder)
    assert fill(address, sweep_folder) == BackfillCounts()


def test_another_sweep_of_the_same_name_gets_runs_of_its_own(uri: str, sweep_folder: SweepFolder) -> None:
    fill(uri, sweep_folder)
    again = dataclasses.replace(METADATA, origin="some of another storage")
    assert fill(uri, sweep_folder, metadata=again).runs == 3


def test_a_deleted_run_of_the_sweep_is_not_replaced(
    uri: str, client: MlflowClient, live_logger: SweepLogger, sweep_folder: SweepFolder
) -> None:
    log_live(live_logger, sweep_folder)
    client.delete_run(live_logger.parent_run_id)
    with pytest.raises(RefusedError, match=f"the sweep's run {live_logger.parent_run_id} was deleted"):
        fill(uri, sweep_folder, run_id=live_logger.parent_run_id)


def test_a_deleted_run_of_a_trial_is_counted_and_stays_deleted(
    uri: str, client: MlflowClient, live_logger: SweepLogger, sweep_folder: SweepFolder
) -> None:
    run_ids = log_live(live_logger, sweep_folder)
    client.delete_run(run_ids[1])
    backfill = Backfill.open(uri, METADATA, run_id=live_logger.parent_run_id)
    trial = dataclasses.replace(TRIALS[1], run_id=run_ids[1])
    assert backfill.trial(trial, sweep_folder.trial(1), split=SPLIT, ending=trial_ending(trial)) is None
    assert backfill.counts == BackfillCounts(deleted=[1])
    assert client.get_run(run_ids[1]).info.lifecycle_stage == "deleted"


def test_a_checkpoint_is_copied_once(uri: str, client: MlflowClient, tmp_path: Path) -> None:
    (tmp_path / "epoch-0002").mkdir()
    (tmp_path / "epoch-0002/state.json").write_text("{}")
    backfill = Backfill.open(uri, METADATA, run_id=None)
    for _ in range(2):
        backfill.checkpoint(backfill.parent_run_id, tmp_path / "epoch-0002", last="state.json")
    backfill.checkpoint(backfill.parent_run_id, tmp_path / "deleted", last="state.json")
    assert backfill.counts.checkpoints == 1
    files = client.list_artifacts(backfill.parent_run_id, "checkpoint")
    assert [file.path for file in files] == ["checkpoint/state.json"]
