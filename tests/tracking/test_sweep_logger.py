"""What a user finds in a real MLflow store after a sweep."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sweepkit.errors import InputError
from sweepkit.tracking.run_endings import RunEnding
from sweepkit.tracking.run_metadata import SplitInput
from sweepkit.trial.trial import Trial, TrialState
from tests.support.made_up_runs import ending

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

    from sweepkit.tracking.sweep_logger import SweepLogger


pytestmark = [
    pytest.mark.mlflow,
    pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy is deprecated"),
]
Open = Callable[..., "SweepLogger"]
TRIAL = Trial(3, {"cell": "gru", "units": 64, "rate": 0.5})
FINISHED = RunEnding("FINISHED", {}, {}, None)


def test_a_trial_is_a_run_below_the_sweeps(open_sweep_logger: Open, client: MlflowClient) -> None:
    sweep_logger = open_sweep_logger(tags={"sweepkit.commit": "abc"}, params={"search.sampler": "tpe"})
    run_id = sweep_logger.start_trial(TRIAL)
    assert sweep_logger.flush()
    parent, child = client.get_run(sweep_logger.parent_run_id), client.get_run(run_id)
    assert (parent.info.run_name, parent.info.status) == ("some", "RUNNING")
    assert parent.data.params == {"search.sampler": "tpe"}
    assert parent.data.tags["sweepkit.commit"] == "abc"
    assert (child.info.run_name, child.info.status) == ("0003 gru 64", "RUNNING")
    assert child.data.params == {"cell": "gru", "units": "64", "rate": "0.5"}
    assert child.data.tags["mlflow.parentRunId"] == sweep_logger.parent_run_id
    assert child.data.tags["mlflow.source.name"] == "sweepkit"


def test_the_ui_shows_the_experiment_as_one_of_model_training(open_sweep_logger: Open, client: MlflowClient) -> None:
    experiment = client.get_experiment(open_sweep_logger().experiment_id)
    assert experiment.name == "cells"
    assert experiment.tags["mlflow.experimentKind"] == "custom_model_development"


@pytest.mark.parametrize(
    ("state", "status"),
    [(TrialState.COMPLETE, "FINISHED"), (TrialState.PRUNED, "KILLED"), (TrialState.FAILED, "FAILED")],
)
def test_a_trial_ends_with_its_reason_and_its_best(
    open_sweep_logger: Open, client: MlflowClient, state: TrialState, status: str
) -> None:
    sweep_logger = open_sweep_logger()
    run_id = sweep_logger.start_trial(TRIAL)
    changes = {"state": state, "reason": "that is why", "best_value": 0.9, "best_epoch": 4}
    sweep_logger.end_trial(run_id, ending(TRIAL, **changes))
    assert sweep_logger.flush()
    run = client.get_run(run_id)
    assert run.info.status == status
    assert run.data.metrics == {"best_loss": 0.9, "best_epoch": 4}
    assert run.data.tags["sweepkit.stop_reason"] == "that is why"
    assert run.data.tags["sweepkit.outcome"] == state.value


def test_a_trial_without_a_best_value_has_no_such_metric(open_sweep_logger: Open, client: MlflowClient) -> None:
    sweep_logger = open_sweep_logger()
    run_id = sweep_logger.start_trial(TRIAL)
    sweep_logger.end_trial(run_id, ending(TRIAL, state=TrialState.FAILED, best_value=None, best_epoch=None))
    assert sweep_logger.flush()
    assert client.get_run(run_id).data.metrics == {}


def test_an_interrupted_trial_goes_on_in_its_run(open_sweep_logger: Open, client: MlflowClient) -> None:
    sweep_logger = open_sweep_logger()
    run_id = sweep_logger.start_trial(TRIAL)
    sweep_logger.end_trial(run_id, ending(TRIAL, state=TrialState.FAILED, best_value=None, best_epoch=None))
    assert sweep_logger.start_trial(dataclasses.replace(TRIAL, run_id=run_id)) == run_id
    assert sweep_logger.flush()
    assert client.get_run(run_id).info.status == "RUNNING"


def test_a_sweep_goes_on_in_its_run_and_keeps_its_first_params(open_sweep_logger: Open, client: MlflowClient) -> None:
    first = open_sweep_logger(params={"search.trials": "4"})
    first.finish(RunEnding("KILLED", {}, {}, None), {})
    assert first.flush()
    assert client.get_run(first.parent_run_id).info.status == "KILLED"
    second = open_sweep_logger(run_id=first.parent_run_id, params={"search.trials": "8", "new": "1"})
    run = client.get_run(second.parent_run_id)
    assert second.parent_run_id == first.parent_run_id
    assert run.info.status == "RUNNING"
    assert run.data.params == {"search.trials": "4", "new": "1"}


def test_a_sweep_whose_manifest_lost_its_run_goes_on_in_it(open_sweep_logger: Open, client: MlflowClient) -> None:
    first, other = open_sweep_logger(origin="cells of here"), open_sweep_logger(origin="cells of elsewhere")
    first.finish(RunEnding("KILLED", {}, {}, None), {})
    assert first.flush()
    again = open_sweep_logger(origin="cells of here")
    assert again.parent_run_id == first.parent_run_id != other.parent_run_id
    assert client.get_run(again.parent_run_id).info.status == "RUNNING"


def test_the_sweeps_run_shows_the_leaderboard_and_the_winner(
    open_sweep_logger: Open, client: MlflowClient, tmp_path: Path
) -> None:
    sweep_logger = open_sweep_logger()
    for accuracy in (0.5, 0.75):  # finished, then gone on with: the second table takes the place of the first
        tags = {"sweepkit.best_trial": "7", "mlflow.note.content": "| ran all 5 epochs | 2 |"}
        ending = RunEnding("FINISHED", {"best_valid_accuracy": accuracy}, tags, 1.7e9)
        sweep_logger.finish(ending, {"rank": [1, 2], "valid_accuracy": [accuracy, 0.25]})
    assert sweep_logger.flush()
    run = client.get_run(sweep_logger.parent_run_id)
    table = client.download_artifacts(sweep_logger.parent_run_id, "leaderboard.json", str(tmp_path))
    assert json.loads(Path(table).read_text()) == {
        "columns": ["rank", "valid_accuracy"],
        "data": [[1, 0.75], [2, 0.25]],
    }
    assert json.loads(run.data.tags["mlflow.loggedArtifacts"]) == [{"path": "leaderboard.json", "type": "table"}]
    assert (run.info.status, run.info.end_time) == ("FINISHED", 1_700_000_000_000)
    assert run.data.metrics == {"best_valid_accuracy": 0.75}
    assert run.data.tags["sweepkit.best_trial"] == "7"
    assert "| ran all 5 epochs | 2 |" in run.data.tags["mlflow.note.content"]


def test_the_data_is_an_input_of_the_run(open_sweep_logger: Open, client: MlflowClient) -> None:
    sweep_logger = open_sweep_logger()
    split = SplitInput(name="texts", digest="ab" * 32, source="/data", profile={"rows": 9}, context="training")
    sweep_logger.log_dataset(sweep_logger.parent_run_id, split)
    assert sweep_logger.flush()
    (entry,) = client.get_run(sweep_logger.parent_run_id).inputs.dataset_inputs
    assert (entry.dataset.name, entry.dataset.digest) == ("texts", "abababababab")
    assert json.loads(entry.dataset.source) == {"uri": "/data"}
    assert json.loads(entry.dataset.profile) == {"rows": 9}
    assert [(tag.key, tag.value) for tag in entry.tags] == [("mlflow.data.context", "training")]


def test_artifacts_of_a_store_that_is_a_file_lie_beside_it(open_sweep_logger: Open, tmp_path: Path) -> None:
    (tmp_path / "epoch-0004").mkdir()
    (tmp_path / "epoch-0004/state.json").write_text("{}")
    sweep_logger = open_sweep_logger()
    run_id = sweep_logger.start_trial(TRIAL)
    sweep_logger.log_checkpoint(run_id, tmp_path / "epoch-0004")
    assert sweep_logger.flush()
    assert (tmp_path / f"mlruns/cells/{run_id}/artifacts/checkpoint/state.json").exists()


def test_any_number_of_metrics_under_any_name_is_kept(open_sweep_logger: Open, client: MlflowClient) -> None:
    from sweepkit.tracking.connect import connect

    sweep_logger = open_sweep_logger()
    names = [f"accuracy@{n} (top)" for n in range(1001)]
    connect(sweep_logger.uri).log_metrics(
        sweep_logger.parent_run_id, dict.fromkeys(names, 1.0), timestamp=1.7e9, tags={"long": "x" * 9000}
    )
    run = client.get_run(sweep_logger.parent_run_id)
    assert run.data.metrics == {f"accuracy_{n} _top_": 1.0 for n in range(1001)}
    assert len(run.data.tags["long"]) == 8000


def test_a_run_that_was_deleted_meanwhile_stops_nothing(
    open_sweep_logger: Open, client: MlflowClient, caplog: pytest.LogCaptureFixture
) -> None:
    sweep_logger = open_sweep_logger()
    run_id = sweep_logger.start_trial(TRIAL)
    assert sweep_logger.flush()
    client.delete_run(run_id)
    sweep_logger.end_trial(run_id, ending(TRIAL))
    sweep_logger.finish(FINISHED, {})
    assert sweep_logger.close()
    assert "refused: The run" in caplog.text
    assert client.get_run(sweep_logger.parent_run_id).info.status == "FINISHED"


def test_two_threads_may_open_one_store(open_sweep_logger: Open) -> None:
    with ThreadPoolExecutor(2) as pool:
        loggers = list(pool.map(lambda title: open_sweep_logger(title=title), ("one", "two")))
    assert loggers[0].experiment_id == loggers[1].experiment_id


def test_a_deleted_experiment_is_refused_with_what_to_do(open_sweep_logger: Open, client: MlflowClient) -> None:
    client.delete_experiment(client.create_experiment("gone"))
    with pytest.raises(InputError, match=r"experiment 'gone' was deleted; restore it with `mlflow experiments"):
        open_sweep_logger(experiment="gone")


def test_a_sweeps_run_that_the_store_does_not_have_is_refused(open_sweep_logger: Open) -> None:
    with pytest.raises(InputError, match=r"does not have the run of sweep 'some', 0af3: .*start it anew with --new"):
        open_sweep_logger(run_id="0af3")


def test_a_server_that_does_not_answer_is_named_without_its_password(open_sweep_logger: Open) -> None:
    with pytest.raises(InputError) as caught:
        open_sweep_logger(at="http://me:pa55@127.0.0.1:9")
    assert str(caught.value) == (
        "tracking store 'http://127.0.0.1:9' cannot be reached: connection refused; "
        "name another with tracking.uri, or turn tracking off with tracking.enabled: false"
    )


@pytest.mark.parametrize("uri", ["nonsense://host", "./mlruns"])
def test_a_uri_that_mlflow_has_no_use_for_is_refused(open_sweep_logger: Open, uri: str) -> None:
    with pytest.raises(InputError, match=f"tracking store '{uri}' cannot be"):
        open_sweep_logger(at=uri)


def test_a_whole_sweep_prints_nothing(tmp_path: Path) -> None:
    """In a fresh process and on a fresh store, which is when MLflow and Alembic have most to say."""
    script = """
from sweepkit.tracking.run_endings import RunEnding
from sweepkit.tracking.run_metadata import RunMetadata
from sweepkit.tracking.sweep_logger import SweepLogger
from sweepkit.trial.trial import Trial
metadata = RunMetadata(experiment="cells", title="some", origin="some here", tags={"a": "b"}, params={"c": "d"})
sweep_logger = SweepLogger.open(None, metadata)
run_id = sweep_logger.start_trial(Trial(0, {"a": 1}))
ending = RunEnding("FINISHED", {"best_m": 1.0}, {"sweepkit.outcome": "complete"}, None)
sweep_logger.end_trial(run_id, ending)
sweep_logger.finish(ending, {"rank": [1]})
assert sweep_logger.close()
"""
    folder = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={"PYTHONPATH": str(folder), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (tmp_path / "mlflow.db").exists()
