"""Telling a real store what it missed of a sweep, from its journal and its spools."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from sweepkit.cli.app import cli
from sweepkit.driver.sync import sync
from sweepkit.errors import InputError
from sweepkit.storage.layout import SweepPaths
from sweepkit.storage.storage import Storage
from tests.support.servers import free_port, new_store
from tests.support.small_sweeps import YAML, write_sweep
from tests.support.tracked_sweeps import CHILDREN, TRACKED, tracked_sweep

pytestmark = [pytest.mark.mlflow, pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy is deprecated")]
SweepFile = Callable[..., Path]
CURVES = ([0.5, 0.7], [0.6, 0.4], [0.5, 0.6])
RUNS = "select name, status, start_time, end_time, lifecycle_stage from runs order by name"


@pytest.fixture
def uri(tmp_path: Path) -> str:
    return new_store(tmp_path)


@pytest.fixture
def folder(tmp_path: Path, uri: str, sweep_file: SweepFile) -> Path:
    """A sweep of three trials that has ended, in a store that never heard of it."""
    path = sweep_file(TRACKED.replace("{uri}", uri))
    return write_sweep(path, tmp_path / "runs", CURVES, sets=["search.trials=3"])


def query(folder: Path, statement: str) -> list[tuple[Any, ...]]:
    with sqlite3.connect(folder / "mlflow.db") as store:
        return store.execute(statement).fetchall()


def everything(folder: Path) -> dict[str, list[tuple[Any, ...]]]:
    """What a store holds; metrics.last_update and the like are no columns of these."""
    tables = ("runs", "metrics", "params", "tags", "datasets", "inputs")
    return {table: sorted(query(folder, f"select * from {table}"), key=str) for table in tables}


def run(*arguments: object, code: int = 0) -> Any:
    done = CliRunner().invoke(cli, ["sync", *map(str, arguments)])
    if code:
        assert isinstance(done.exception, InputError), done.output
        return str(done.exception)
    assert done.exit_code == 0, (done.output, done.exception)
    return done.stdout


def test_a_store_that_missed_all_of_a_sweep_is_told_all_of_it(folder: Path, tmp_path: Path) -> None:
    run(folder)
    names = [(name, status) for name, status, *_ in query(tmp_path, RUNS)]
    assert names == [("0000 gru 8", "FINISHED"), ("0001 gru 8", "FINISHED"), ("0002 gru 8", "FINISHED"),
                     ("cells", "FINISHED")]  # fmt: skip
    values = query(tmp_path, "select value, step from metrics where key = 'valid_accuracy' order by value, step")
    assert values == [(0.4, 2), (0.5, 1), (0.5, 1), (0.6, 1), (0.6, 2), (0.7, 2)]
    assert query(tmp_path, "select count(*) from params where key = 'cell' and value = 'gru'") == [(3,)]
    tags = dict(query(tmp_path, "select key, value from tags"))
    assert tags["sweepkit.stop_reason"] == "ran all 2 epochs"
    assert tags["sweepkit.best_trial"] == "0"
    assert tags["sweepkit.data_key"] == "key1"
    (table,) = (tmp_path / "mlruns").rglob("leaderboard.json")
    assert [row[1] for row in json.loads(table.read_text())["data"]] == [0, 1, 2]


def test_runs_that_are_made_afterwards_have_the_times_of_their_trials(folder: Path, tmp_path: Path) -> None:
    from sweepkit.results.sweep import load_sweep

    run(folder)
    trials = load_sweep(folder).trials
    for trial, (_, _, start, end, _) in zip(trials, query(tmp_path, RUNS), strict=False):
        assert trial.started is not None
        assert trial.seconds is not None
        assert (start, end) == (int(trial.started * 1000), int((trial.started + trial.seconds) * 1000))


@pytest.mark.parametrize("target", ["folder", "yaml"])
def test_doing_it_twice_changes_nothing(folder: Path, tmp_path: Path, target: str) -> None:
    run(folder)
    before = everything(tmp_path)
    path = folder if target == "folder" else next(tmp_path.glob("toy_*.yaml"))
    sets = () if target == "folder" else ("--set", f"storage.uri={tmp_path}/runs")
    facts = json.loads(run(path, *sets, "--json"))
    assert everything(tmp_path) == before
    assert facts["sweeps"] == [
        {
            "sweep": "cells",
            "n_trials": 3,
            "told": {"runs": 0, "reports": 0, "endings": 0, "checkpoints": 0, "deleted": []},
            "registered": None,
        }
    ]
    assert "cells, 3 trials: nothing was missing" in run(path, *sets)


def test_what_was_told_is_counted(folder: Path, uri: str) -> None:
    facts = json.loads(run(folder, "--json"))
    assert facts["tracking_uri"] == uri
    assert facts["sweeps"][0]["told"] == {"runs": 4, "reports": 6, "endings": 4, "checkpoints": 0, "deleted": []}


def test_spools_are_sent_and_runs_that_are_there_are_found(tmp_path: Path, sweep_file: SweepFile, uri: str) -> None:
    folder, run_ids = tracked_sweep(tmp_path, sweep_file, uri)
    facts = json.loads(run(folder, "--json"))
    assert facts["sweeps"][0]["told"] == {"runs": 1, "reports": 5, "endings": 4, "checkpoints": 0, "deleted": []}
    children = [run_id for (run_id,) in query(tmp_path, CHILDREN)]
    assert len(children) == 3
    assert set(run_ids) < set(children)
    steps = query(tmp_path, "select step, count(*) from metrics where key = 'valid_accuracy' group by step")
    assert steps == [(1, 3), (2, 3)]
    assert query(tmp_path, "select count(*) from tags where key = 'sweepkit.host' and value = 'far'") == [(3,)]
    assert not list(folder.glob("trials/*/spool/*.json"))
    before = everything(tmp_path)
    run(folder)
    assert everything(tmp_path) == before


def test_a_damaged_spool_file_is_made_good_from_the_journal(tmp_path: Path, sweep_file: SweepFile, uri: str) -> None:
    folder, _ = tracked_sweep(tmp_path, sweep_file, uri)
    (folder / "trials/0002/spool/epoch-0002.json").write_text('{"report": {"epo')
    run(folder)
    steps = query(tmp_path, "select step, count(*) from metrics where key = 'valid_accuracy' group by step")
    assert steps == [(1, 3), (2, 3)]
    assert not list(folder.glob("trials/*/spool/*.json"))


def test_a_run_that_somebody_deleted_stays_deleted(tmp_path: Path, sweep_file: SweepFile, uri: str) -> None:
    from mlflow.tracking import MlflowClient

    folder, run_ids = tracked_sweep(tmp_path, sweep_file, uri)
    MlflowClient(tracking_uri=uri).delete_run(run_ids[0])
    assert "skipped trial 0: its run was deleted in MLflow" in run(folder)
    assert query(tmp_path, f"select lifecycle_stage from runs where run_uuid = '{run_ids[0]}'") == [("deleted",)]


def test_another_store_gets_all_of_it_once(tmp_path: Path, sweep_file: SweepFile, uri: str) -> None:
    folder, _ = tracked_sweep(tmp_path, sweep_file, uri)
    run(folder)
    other = tmp_path / "other"
    other.mkdir()
    for _ in range(2):
        run(
            folder,
            "--tracking-uri",
            new_store(other) if not (other / "mlflow.db").exists() else f"sqlite:///{other}/mlflow.db",
        )
        assert query(other, "select count(*) from runs") == [(4,)]
        steps = query(other, "select step, count(*) from metrics where key = 'valid_accuracy' group by step")
        assert steps == [(1, 3), (2, 3)]
    own = json.loads((folder / "manifest.json").read_text())["parent_run_id"]
    assert query(tmp_path, f"select count(*) from runs where run_uuid = '{own}'") == [(1,)]


def test_a_sweep_that_has_not_ended_is_told_as_far_as_it_is(tmp_path: Path, uri: str, sweep_file: SweepFile) -> None:
    path = sweep_file(TRACKED.replace("{uri}", uri))
    folder = write_sweep(path, tmp_path / "runs", [[0.5]], sets=["search.trials=3"], ended=False)
    run(folder)
    assert [status for _, status, *_ in query(tmp_path, RUNS)] == ["RUNNING", "RUNNING"]


def test_an_interrupted_sweep_is_told_so(folder: Path, tmp_path: Path) -> None:
    path = folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"ended": "interrupted"}))
    run(folder)
    assert query(tmp_path, "select status from runs where name = 'cells'") == [("KILLED",)]


def test_the_final_stage_is_told_too_below_the_sweeps_run(folder: Path, tmp_path: Path, uri: str) -> None:
    storage = Storage.at(str(tmp_path / "runs"))
    final = SweepPaths("cells").final
    manifest = storage.read_json(SweepPaths("cells").manifest)
    manifest["spec"]["sweep"] = "cells/final"
    storage.write_json(final.manifest, {"format": 1, "spec": manifest["spec"], "ended": "finished"})
    storage.write(final.journal, storage.read(SweepPaths("cells").journal))
    facts = json.loads(run(folder, "--json"))
    assert [synced["sweep"] for synced in facts["sweeps"]] == ["cells", "cells/final"]
    (parent,) = query(tmp_path, "select run_uuid from runs where name = 'cells'")
    below = "select r.name from runs r join tags t on t.run_uuid = r.run_uuid where t.key = 'mlflow.parentRunId'"
    assert ("cells/final",) in query(tmp_path, f"{below} and t.value = '{parent[0]}'")
    before = everything(tmp_path)
    run(folder)
    assert everything(tmp_path) == before


def test_a_store_that_is_away_is_an_input_error_that_says_nothing_is_lost(folder: Path) -> None:
    address = f"http://127.0.0.1:{free_port()}"
    assert run(folder, "--tracking-uri", address, code=2) == (
        f"tracking store '{address}' cannot be reached: connection refused; "
        "nothing is lost. Run this command again when the server answers, "
        "or choose another store with --tracking-uri"
    )


def test_a_store_that_is_not_there_is_not_made(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").unlink()
    with pytest.raises(InputError, match=r"there is no tracking store .*; name the right one with --tracking-uri"):
        sync(folder)
    assert not (tmp_path / "mlflow.db").exists()


def test_a_sweep_without_tracking_needs_a_store_to_be_named(tmp_path: Path, sweep_file: SweepFile, uri: str) -> None:
    folder = write_sweep(sweep_file(YAML), tmp_path / "runs", CURVES)
    with pytest.raises(InputError, match=r"tracking.enabled: false\); name one with --tracking-uri"):
        sync(folder)
    run(folder, "--tracking-uri", uri)
    assert query(tmp_path, "select count(*) from runs") == [(4,)]


def test_the_store_that_the_sweep_used_is_found_from_another_folder(
    tmp_path: Path, sweep_file: SweepFile, uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    path = sweep_file(YAML.replace("tracking: {enabled: false}", ""))
    folder = write_sweep(path, tmp_path / "runs", CURVES)
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(manifest | {"tracking_uri": uri}))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    run(folder)
    assert query(tmp_path, "select count(*) from runs") == [(4,)]
    assert not list((tmp_path / "elsewhere").iterdir())
