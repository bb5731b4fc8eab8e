"""What a run tells a real store of the runs before it, whose drivers may have died before they had told it all."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sweepkit.config.definition import load
from sweepkit.driver.run import _tell_the_rest
from sweepkit.driver.tracking import TrialRuns, close, is_synced, open_sweep_logger
from sweepkit.storage.layout import SweepPaths
from sweepkit.storage.manifest import amend
from sweepkit.storage.storage import Storage
from sweepkit.study.journal import Journal
from sweepkit.trial.trial import Trial
from tests.support.servers import new_store
from tests.support.tracked_sweeps import CHILDREN, tracked_sweep

pytestmark = [pytest.mark.mlflow, pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy is deprecated")]
SweepFile = Callable[..., Path]
# a manifest's key is all that is asked of the data
PREPARED: Any = SimpleNamespace(manifest=SimpleNamespace(key="key1"))


@pytest.fixture
def sweep(tmp_path: Path, sweep_file: SweepFile) -> tuple[Any, Storage]:
    """A sweep of which a store has one run's first epoch only, though all three trials have ended."""
    tracked_sweep(tmp_path, sweep_file, new_store(tmp_path))
    storage = Storage.at(str(tmp_path / "runs"))
    sets = ["search.trials=3", f"storage.uri={tmp_path}/runs"]
    return load(next(tmp_path.glob("toy_*.yaml")), sets), storage


def assert_told(folder: Path) -> None:
    with sqlite3.connect(folder / "mlflow.db") as store:
        children = f"select status from runs where run_uuid in ({CHILDREN})"
        assert store.execute(children).fetchall() == [("FINISHED",)] * 3
        steps = "select step, count(*) from metrics where key = 'valid_accuracy' group by step"
        assert store.execute(steps).fetchall() == [(1, 3), (2, 3)]


def test_a_run_tells_of_trials_that_had_ended_when_the_driver_was_killed(
    tmp_path: Path, sweep: tuple[Any, Storage]
) -> None:
    definition, storage = sweep
    trials = Journal.read(storage.path(SweepPaths("cells").journal), definition.config).trials()
    amend(storage, "cells", told=False)
    for is_behind in (True, False):
        sweep_logger = open_sweep_logger(definition, storage, "key1")
        assert sweep_logger is not None
        assert sweep_logger.is_behind is is_behind
        assert not is_synced(storage, "cells"), "it may be killed again"
        TrialRuns(sweep_logger, storage, PREPARED, definition).log_again(trials)
        close(sweep_logger, storage, "cells")
        assert_told(tmp_path)


def test_runs_that_were_made_just_before_a_death_are_found(
    sweep: tuple[Any, Storage], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The driver had written down neither the sweep's run nor its trial's."""
    definition, storage = sweep
    monkeypatch.setattr("sweepkit.driver.tracking.log_data", lambda *_, **__: None)  # there is none
    trial = Trial(3, {"units": 8})
    ids = []
    for resumes in (False, True):
        amend(storage, "cells", parent_run_id=None)
        sweep_logger = open_sweep_logger(definition, storage, "key1")
        assert sweep_logger is not None
        runs = TrialRuns(sweep_logger, storage, PREPARED, definition)
        ids.append((sweep_logger.parent_run_id, runs.open(trial, resumes=resumes)))
        assert sweep_logger.close()
    assert ids[0] == ids[1]


def test_running_a_finished_sweep_again_tells_what_its_driver_had_not(
    tmp_path: Path, sweep: tuple[Any, Storage]
) -> None:
    definition, storage = sweep
    amend(storage, "cells", told=False, ended=None)
    _tell_the_rest(definition, storage)
    assert_told(tmp_path)
    assert is_synced(storage, "cells")
    with sqlite3.connect(tmp_path / "mlflow.db") as store:
        assert store.execute("select status from runs where name = 'cells'").fetchall() == [("FINISHED",)]


def test_a_store_that_is_away_still_is_told_the_next_time(
    tmp_path: Path, sweep: tuple[Any, Storage], caplog: pytest.LogCaptureFixture
) -> None:
    definition, storage = sweep
    amend(storage, "cells", told=False)
    (tmp_path / "mlflow.db").rename(tmp_path / "elsewhere.db")
    _tell_the_rest(definition, storage)
    assert "there is no tracking store" in caplog.text
    assert not is_synced(storage, "cells")
