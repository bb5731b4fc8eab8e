"""What a run logs to a real store of the runs before it, whose drivers may have died before all of it had arrived."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sweepkit.config.definition import load
from sweepkit.data.dataset import PreparedData
from sweepkit.data.manifest import FORMAT, Manifest, SplitInfo
from sweepkit.driver.run import _sync_the_rest
from sweepkit.driver.tracking import SweepRuns
from sweepkit.storage.storage import Storage
from sweepkit.storage.sweep_folder import SweepFolder
from sweepkit.study.journal import Journal
from sweepkit.trial.trial import Trial
from tests.support.servers import new_store
from tests.support.tracked_sweeps import CHILDREN, tracked_sweep

pytestmark = [pytest.mark.mlflow, pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy is deprecated")]
SweepFile = Callable[..., Path]
SPLIT = SplitInfo(rows=4, lengths={}, files=())
DATASET = PreparedData(
    Manifest(
        format=FORMAT,
        key="key1",
        package="toy",
        splits={"train": SPLIT, "valid": SPLIT},
        settings={},
        source="made-up rows",
        source_digest="",
    ),
    Path("data"),
)


@pytest.fixture
def sweep(tmp_path: Path, sweep_file: SweepFile) -> tuple[Any, SweepFolder]:
    """A sweep of which a store has one run's first epoch only, though all three trials have ended."""
    tracked_sweep(tmp_path, sweep_file, new_store(tmp_path))
    sets = ["search.trials=3", f"storage.uri={tmp_path}/runs"]
    folder = SweepFolder(Storage.at(str(tmp_path / "runs")), "cells")
    return load(next(tmp_path.glob("toy_*.yaml")), sets), folder


def opened(sweep: tuple[Any, SweepFolder]) -> SweepRuns:
    definition, folder = sweep
    runs = SweepRuns.open(definition, folder, folder.manifest())
    assert runs is not None
    runs.describe_data(DATASET)
    return runs


def assert_complete(folder: Path) -> None:
    with sqlite3.connect(folder / "mlflow.db") as store:
        children = f"select status from runs where run_uuid in ({CHILDREN})"
        assert store.execute(children).fetchall() == [("FINISHED",)] * 3
        steps = "select step, count(*) from metrics where key = 'valid_accuracy' group by step"
        assert store.execute(steps).fetchall() == [(1, 3), (2, 3)]


def test_a_run_logs_the_ends_of_trials_that_a_killed_driver_could_not(
    tmp_path: Path, sweep: tuple[Any, SweepFolder]
) -> None:
    definition, folder = sweep
    trials = Journal.read(folder.storage.path(folder.paths.journal), definition.config).trials()
    folder.update(synced=False)
    for is_behind in (True, False):
        runs = opened(sweep)
        assert runs.logger.is_behind is is_behind
        assert not folder.manifest().is_synced, "it may be killed again"
        runs.log_again(trials)
        runs.close()
        assert_complete(tmp_path)


def test_runs_that_were_made_just_before_a_death_are_found(sweep: tuple[Any, SweepFolder]) -> None:
    """The driver had written down neither the sweep's run nor its trial's."""
    trial = Trial(3, {"units": 8})
    ids = []
    for resumes in (False, True):
        sweep[1].update(parent_run_id=None)
        runs = opened(sweep)
        ids.append((runs.logger.parent_run_id, runs.start(trial, resumes=resumes)))
        assert runs.logger.close()
    assert ids[0] == ids[1]


def test_running_a_finished_sweep_again_uploads_what_its_driver_had_not(
    tmp_path: Path, sweep: tuple[Any, SweepFolder]
) -> None:
    folder = sweep[1]
    folder.update(synced=False, ended=None)
    _sync_the_rest(folder)
    assert_complete(tmp_path)
    assert folder.manifest().is_synced
    with sqlite3.connect(tmp_path / "mlflow.db") as store:
        assert store.execute("select status from runs where name = 'cells'").fetchall() == [("FINISHED",)]


def test_a_store_that_is_still_unreachable_is_filled_the_next_time(
    tmp_path: Path, sweep: tuple[Any, SweepFolder], caplog: pytest.LogCaptureFixture
) -> None:
    folder = sweep[1]
    folder.update(synced=False)
    (tmp_path / "mlflow.db").rename(tmp_path / "elsewhere.db")
    _sync_the_rest(folder)
    assert "there is no tracking store" in caplog.text
    assert not folder.manifest().is_synced


def test_sync_into_another_store_gives_the_sweeps_run_the_params_and_tags_of_the_live_one(
    tmp_path: Path, sweep_file: SweepFile
) -> None:
    from mlflow.tracking import MlflowClient

    from sweepkit.driver.sync import sync_sweep

    tracked_sweep(tmp_path, sweep_file, new_store(tmp_path))
    path, sets = next(tmp_path.glob("toy_*.yaml")), [f"storage.uri={tmp_path}/runs", "search.trials=3"]
    folder = SweepFolder(Storage.at(str(tmp_path / "runs")), "cells")
    runs = opened((load(path, sets, data="sample"), folder))
    runs.close()
    (tmp_path / "other").mkdir()
    sync_sweep(folder, tracking_uri=(other := new_store(tmp_path / "other")))
    live = MlflowClient(tracking_uri=runs.logger.uri).get_run(runs.logger.parent_run_id).data
    client = MlflowClient(tracking_uri=other)
    experiment = client.get_experiment_by_name("cells")
    (again,) = (
        run.data for run in client.search_runs([experiment.experiment_id]) if "sweepkit.trial" not in run.data.tags
    )
    assert again.params == live.params
    assert {"data.vocab_size", "data.keep", "search.sampler"} <= set(again.params)
    kept = {key: value for key, value in live.tags.items() if key.startswith("sweepkit.")}
    assert kept.items() <= again.tags.items()
