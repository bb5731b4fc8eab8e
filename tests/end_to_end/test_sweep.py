"""Whole sweeps of the toy package, as a user starts them: real processes, real Ray, a real MLflow store."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import TOY, facts, forked, sweepkit


def query(folder: Path, statement: str) -> list[tuple[Any, ...]]:
    with sqlite3.connect(folder / "mlflow.db") as store:
        return store.execute(statement).fetchall()


FAULTS = (
    *("--set", "search={sampler: grid, trials: 5}"),
    *("--set", "space.fault=['', train, nan, build, exit once]"),
    *("--set", "space.units=4", "--set", "space.learning_rate=0.05", "--set", "space.dropout=0.1"),
)


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished sweep on Ray of five trials: one is healthy, four have a fault each."""
    folder = tmp_path_factory.mktemp("on-ray")
    done = sweepkit(folder, "run", str(TOY), "--json", *FAULTS)
    (folder / "stdout.json").write_text(done.stdout)
    (folder / "stderr.txt").write_text(done.stderr)
    return folder


@pytest.mark.ray
@pytest.mark.tf
@pytest.mark.mlflow
@pytest.mark.slow
class TestOnRay:
    def result(self, folder: Path) -> dict[str, Any]:
        value = json.loads((folder / "stdout.json").read_text())
        assert isinstance(value, dict)
        return value

    def test_the_healthy_trial_wins_and_its_checkpoint_is_there(self, faulty: Path) -> None:
        result = self.result(faulty)
        assert result["best_trial"] == 0
        assert result["parameters"]["fault"] == ""
        assert (Path(result["checkpoint"]) / "state.json").exists()

    def test_faults_end_their_own_trial_only_each_with_its_reason(self, faulty: Path) -> None:
        status = facts(sweepkit(faulty, "status", "runs/sweeps/toy", "--json"))
        assert status["counts"] == {"complete": 2, "pruned": 0, "failed": 3, "unfinished": 0}
        reasons = " | ".join(status["reasons"])
        assert "the toy cannot be built" in status["errors"]["1"]
        assert "the toy cannot be trained" in status["errors"]["2"]
        assert "failed: train_loss is nan at epoch 1" in reasons
        assert "failed: ValueError: the toy cannot be built (log: " in reasons

    def test_a_failed_trial_leaves_its_traceback_in_its_log(self, faulty: Path) -> None:
        log = (faulty / "runs/sweeps/toy/trials/0001/log.txt").read_text()
        assert "trial 1 failed" in log
        assert "ValueError: the toy cannot be built" in log

    def test_a_trials_log_tells_its_epochs(self, faulty: Path) -> None:
        log = (faulty / "runs/sweeps/toy/trials/0000/log.txt").read_text()
        assert "trial 0 starts after epoch 0" in log
        assert "epoch 2: {'train_accuracy'" in log

    def test_nothing_of_ray_tensorflow_or_mlflow_is_printed(self, faulty: Path) -> None:
        lines = (faulty / "stderr.txt").read_text().splitlines()
        strangers = [line for line in lines if "trial" not in line and " of " not in line]
        assert strangers == []

    def test_mlflow_has_a_parent_and_children_that_ended_as_the_trials_did(self, faulty: Path) -> None:
        runs = query(faulty, "select name, status from runs order by start_time, name")
        assert ("toy", "FINISHED") in runs
        assert sorted(status for name, status in runs if name != "toy") == [*["FAILED"] * 3, *["FINISHED"] * 2]
        parents = query(faulty, "select count(*) from tags where key = 'mlflow.parentRunId'")
        assert parents == [(5,)]

    def test_a_trial_whose_worker_died_goes_on_from_its_checkpoint(self, faulty: Path) -> None:
        status = facts(sweepkit(faulty, "status", "runs/sweeps/toy", "--json"))
        (fault,) = status["faults"]["4"]
        assert "its worker was killed or exited" in str(fault)
        log = (faulty / "runs/sweeps/toy/trials/0004/log.txt").read_text()
        assert "trial 4 attempt 2 starts after epoch 1" in log

    @pytest.mark.parametrize("fault", ["", "exit once"])
    def test_mlflow_has_every_metric_of_every_epoch_once(self, faulty: Path, fault: str) -> None:
        steps = query(
            faulty,
            "select m.step, count(*) from metrics m join params p on p.run_uuid = m.run_uuid "
            f"where m.key = 'valid_accuracy' and p.key = 'fault' and p.value = '{fault}' group by m.step",
        )
        assert steps == [(1, 1), (2, 1)]

    def test_mlflow_knows_the_data_the_winner_and_why_trials_ended(self, faulty: Path) -> None:
        contexts = query(faulty, "select distinct value from input_tags where name = 'mlflow.data.context'")
        assert {value for (value,) in contexts} >= {"training", "validation"}
        tags = dict(query(faulty, "select key, value from tags"))
        assert tags["sweepkit.best_trial"] == "0"
        assert {"sweepkit.data_key", "sweepkit.commit", "sweepkit.dirty", "sweepkit.host"} <= set(tags)
        assert "sweepkit.version.tensorflow" in tags
        assert list((faulty / "mlruns").rglob("leaderboard.json"))
        assert list((faulty / "mlruns").rglob("checkpoint/model.weights.h5"))

    def test_running_again_finds_nothing_to_do(self, faulty: Path) -> None:
        again = forked(faulty, "run", str(TOY), "--json", "--inline", *FAULTS)
        assert facts(again)["leaderboard"] == self.result(faulty)["leaderboard"]
        assert query(faulty, "select count(*) from runs") == [(6,)]


@pytest.mark.tf
@pytest.mark.slow
class TestInline:
    """Without Ray and MLflow; what these check does not depend on where trials run."""

    OFF = ("--inline", "--set", "tracking.enabled=false")

    def test_best_says_what_run_said(self, tmp_path: Path) -> None:
        ran = facts(forked(tmp_path, "run", str(TOY), *self.OFF, "--json", "--set", "search.trials=2"))
        best = facts(sweepkit(tmp_path, "best", str(TOY), "--json"))
        assert (best["trial"], best["checkpoint"]) == (ran["best_trial"], ran["checkpoint"])
        assert best["metrics"]["valid_accuracy"] == ran["best_valid_accuracy"]
        assert not (tmp_path / "mlflow.db").exists()

    def test_a_changed_sweep_is_refused_with_the_differences_unless_new(self, tmp_path: Path) -> None:
        one = ("--set", "search.trials=1", "--set", "stopping.max_epochs=1")
        forked(tmp_path, "run", str(TOY), *self.OFF, *one)
        changed = forked(tmp_path, "run", str(TOY), *self.OFF, *one, "--set", "search.sampler=tpe", code=2)
        assert "search.sampler was 'random' and is now 'tpe'" in changed.stderr
        assert "add --new" in changed.stderr
        forked(tmp_path, "run", str(TOY), *self.OFF, *one, "--set", "search.sampler=tpe", "--new")
        assert {path.name for path in (tmp_path / "runs/sweeps").iterdir()} == {"toy", "toy-2"}

    def test_more_trials_and_epochs_extend_a_sweep(self, tmp_path: Path) -> None:
        forked(tmp_path, "run", str(TOY), *self.OFF, "--set", "search.trials=1", "--set", "stopping.max_epochs=1")
        ran = facts(forked(tmp_path, "run", str(TOY), *self.OFF, "--json", "--set", "search.trials=2"))
        assert [(row["epochs"], row["outcome"]) for row in ran["leaderboard"]] == [(2, "complete")] * 2
        status = facts(sweepkit(tmp_path, "status", str(TOY), "--json"))
        assert (status["n_trials"], status["counts"]["complete"], status["spent"]["epochs"]) == (2, 2, 4)
        assert "starts after epoch 1" in (tmp_path / "runs/sweeps/toy/trials/0000/log.txt").read_text()

    def test_exceptions_fly_as_they_are(self, tmp_path: Path) -> None:
        done = forked(tmp_path, "run", str(TOY), *self.OFF, "--set", "space.fault=build", code=1)
        assert "ValueError: the toy cannot be built" in done.stderr

    def test_a_missing_objective_ends_the_sweep_with_what_was_reported(self, tmp_path: Path) -> None:
        done = forked(tmp_path, "run", str(TOY), *self.OFF, "--set", "objective.metric=val_acc", code=3)
        assert "metric 'val_acc' was not reported at epoch 1 of trial 0; reported: 'n_weights'" in done.stderr
        assert "Traceback" not in done.stderr

    def test_on_gpus_a_model_that_misses_cudnn_is_refused_before_anything_starts(self, tmp_path: Path) -> None:
        sets = ("--set", "resources.gpu=1", "--set", "space.fault=['', no_cudnn]")
        done = forked(tmp_path, "run", str(TOY), *self.OFF, *sets, code=2)
        assert "recurrent_dropout" in done.stderr
        assert "'fault': 'no_cudnn'" in done.stderr
        assert not (tmp_path / "runs/sweeps/toy/trials").exists()

    def test_status_of_a_sweep_that_never_ran_says_how_to_start_it(self, tmp_path: Path) -> None:
        done = sweepkit(tmp_path, "status", str(TOY), code=2)
        assert "sweep 'toy' has not been run yet" in done.stderr
        assert "python -m sweepkit run" in done.stderr
        assert not (tmp_path / "runs").exists()

    def test_a_storage_that_cannot_be_written_is_refused_at_once(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        done = forked(tmp_path, "run", str(TOY), *self.OFF, "--set", "storage.uri=file/runs", code=2)
        assert "file/runs" in done.stderr
        assert "Traceback" not in done.stderr

    def test_a_damaged_shard_is_named(self, tmp_path: Path) -> None:
        prepared = facts(forked(tmp_path, "prepare", str(TOY), "--inline", "--json"))
        shard = next(Path(prepared["folder"]).glob("train-*.tfrecord"))
        content = bytearray(shard.read_bytes())
        content[len(content) // 2] ^= 1
        shard.write_bytes(content)
        done = forked(tmp_path, "run", str(TOY), *self.OFF, code=2)
        assert shard.name in done.stderr
        assert "delete the folder" in done.stderr
        assert not (tmp_path / "runs/sweeps/toy/trials").exists(), "before any trial starts"
