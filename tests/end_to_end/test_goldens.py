"""What an earlier version wrote must still open: sweeps go on, bundles predict, registered models load.

`tests/goldens/README.md` says what the files are. Everything here goes through the command line, `sweepkit.load` and
MLflow, as a user's old files would, and knows no module of sweepkit by name.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import sweepkit

pytestmark = [pytest.mark.tf, pytest.mark.slow]

TESTS = Path(__file__).parents[1]
GOLDENS = TESTS / "goldens"
SOURCES = Path(sweepkit.__file__).parents[1]
EXPECTED: dict[str, Any] = json.loads((GOLDENS / "expected.json").read_text())
TEXTS = [row["text"] for row in EXPECTED["predictions"]]
CLOSE = 1e-5  # of probabilities, between kinds of processors


def call(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command in `folder`, which must end well; nobody's MLflow settings reach it."""
    own = {key: value for key, value in os.environ.items() if not key.startswith("MLFLOW_")}
    command = [sys.executable, "-m", "sweepkit", *arguments]
    environment = own | {"PYTHONPATH": str(SOURCES)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


def facts(folder: Path, *arguments: str) -> dict[str, Any]:
    """Run a command and read the one JSON object that it prints."""
    value = json.loads(call(folder, *arguments, "--json").stdout)
    assert isinstance(value, dict)
    return value


def copied(name: str, to: Path) -> Path:
    """Copy a golden sweep, with the toy package beside its YAML."""
    folder = Path(shutil.copytree(GOLDENS / name, to / name))
    shutil.copytree(TESTS / "toy_sweeps" / "toy", folder / "toy", ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def epochs(folder: Path, yaml: str, first: int, second: int) -> list[list[dict[str, float]]]:
    """Return the metrics of every epoch of two trials, as `compare` has them."""
    compared = facts(folder, "compare", f"{yaml}#{first}", f"{yaml}#{second}")
    return [side["trial"]["epochs"] for side in compared["sides"]]


def values(rows: list[dict[str, Any]], *names: str) -> list[list[Any]]:
    return [[row[name] for name in names] for row in rows]


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the stopped sweep that is only read."""
    return copied("stopped", tmp_path_factory.mktemp("stopped"))


@pytest.fixture(scope="module")
def resumed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A copy of the stopped sweep with which `run` has gone on, and what that said."""
    folder = copied("stopped", tmp_path_factory.mktemp("resumed"))
    return folder, facts(folder, "run", "stopped.yaml", "--inline")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copied("finished", tmp_path_factory.mktemp("finished"))


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copytree(GOLDENS / "bundle", tmp_path_factory.mktemp("bundle") / "bundle"))


class TestStoppedSweep:
    """A sweep of five trials whose driver was killed: two have ended, the third has run one of two epochs."""

    YAML = "stopped.yaml"
    WANTED = EXPECTED["stopped"]

    @pytest.mark.parametrize("target", [YAML, "runs/sweeps/toy"])
    def test_status_counts_what_has_ended_and_what_has_not(self, stopped: Path, target: str) -> None:
        status = facts(stopped, "status", target)
        assert (status["n_trials"], status["counts"]) == (5, self.WANTED["counts"])
        assert status["unfinished"] == [{"trial": 2, "epoch": 1, "parameters": self.WANTED["parameters"]["2"]}]
        assert status["spent"]["epochs"] == 5
        assert status["spent"]["hours"] == pytest.approx(self.WANTED["hours"])
        assert status["running"] is None, "the lock of a driver that is dead"

    def test_best_is_the_one_of_then(self, stopped: Path) -> None:
        best = facts(stopped, "best", self.YAML)
        assert (best["trial"], best["best_epoch"], best["parameters"]) == (0, 1, self.WANTED["parameters"]["0"])
        assert best["best_valid_accuracy"] == self.WANTED["best_value"]
        assert best["metrics"] == self.WANTED["best_metrics"]
        assert (Path(best["checkpoint"]) / "state.json").exists()

    def test_the_sweep_goes_on_and_completes(self, resumed: tuple[Path, dict[str, Any]]) -> None:
        folder, ran = resumed
        assert sorted(values(ran["leaderboard"], "trial", "epochs", "outcome")) == [
            [number, 2, "complete"] for number in range(5)
        ]
        status = facts(folder, "status", self.YAML)
        assert status["counts"] == {"complete": 5, "pruned": 0, "failed": 0, "unfinished": 0}
        assert status["spent"]["epochs"] == 10
        assert {path.name for path in (folder / "runs/sweeps").iterdir()} == {"toy"}

    def test_trials_that_had_ended_are_as_they_were(self, stopped: Path, resumed: tuple[Path, dict[str, Any]]) -> None:
        folder, ran = resumed
        assert (ran["best_trial"], ran["best_valid_accuracy"]) == (0, self.WANTED["best_value"])
        assert epochs(folder, self.YAML, 0, 1) == epochs(stopped, self.YAML, 0, 1)
        trials = "runs/sweeps/toy/trials"
        for name in ("0000/log.txt", "0000/checkpoints/epoch-0001/state.json", "0001/log.txt"):
            assert (folder / trials / name).read_bytes() == (stopped / trials / name).read_bytes()

    def test_the_unfinished_trial_goes_on_from_its_checkpoint(
        self, stopped: Path, resumed: tuple[Path, dict[str, Any]]
    ) -> None:
        folder, _ = resumed
        _, before = epochs(stopped, self.YAML, 0, 2)
        _, after = epochs(folder, self.YAML, 0, 2)
        # how long it took is among the metrics, so the first epoch was not trained again
        assert (len(before), len(after), after[0]) == (1, 2, before[0])
        assert after[1]["valid_loss"] == pytest.approx(self.WANTED["resumed_valid_loss"], abs=1e-3)
        # without its checkpoint it would go on too, from its seed
        log, old = ((run / "runs/sweeps/toy/trials/0002/log.txt").read_text() for run in (folder, stopped))
        assert log.startswith(old)
        assert "trial 2 starts after epoch 1" in log.removeprefix(old)

    def test_the_sampler_goes_on_with_the_points_that_were_to_come(self, resumed: tuple[Path, dict[str, Any]]) -> None:
        rows = {str(row["trial"]): row for row in resumed[1]["leaderboard"]}
        for number, point in self.WANTED["parameters"].items():
            found = {name: rows[number][name] for name in point}
            assert found == pytest.approx(point), f"trial {number}"


class TestFinishedSweep:
    """A sweep of four trials (two complete, one pruned, one failed) with its final stage, winner and look."""

    YAML = "finished.yaml"
    WANTED = EXPECTED["finished"]

    @pytest.mark.parametrize("target", [YAML, "runs/sweeps/toy"])
    def test_status_has_every_trial_and_why_it_ended(self, finished: Path, target: str) -> None:
        status = facts(finished, "status", target)
        assert (status["n_trials"], status["counts"]) == (4, self.WANTED["counts"])
        assert status["reasons"] == self.WANTED["reasons"]
        found = values(status["leaderboard"], "trial", "outcome", "best_valid_loss")
        assert found == self.WANTED["leaderboard"]
        assert Path(status["logs"]["3"]).exists()

    def test_best_has_the_final_stage_too(self, finished: Path) -> None:
        best = facts(finished, "best", self.YAML)
        assert (best["trial"], best["best_valid_loss"]) == (1, self.WANTED["leaderboard"][0][2])
        assert best["parameters"] == self.WANTED["parameters"]
        assert best["final"] == stored_result()

    @pytest.mark.parametrize("command", ["final", "run"])
    def test_what_is_finished_stays_as_it_is(self, finished: Path, command: str) -> None:
        before = contents(finished / "runs/sweeps/toy/final") | contents(finished / "runs/sweeps/toy/winner")
        found = facts(finished, command, self.YAML, "--inline")
        result = found["final"] if command == "run" else found
        stored = stored_result()
        assert {name: result[name] for name in stored} == stored
        assert (result["winner"], result["look"]["accuracy"]) == ("trial 0", self.WANTED["test_accuracy"])
        assert result["candidates"][0]["mean"] == self.WANTED["winner_mean"]
        assert contents(finished / "runs/sweeps/toy/final") | contents(finished / "runs/sweeps/toy/winner") == before

    def test_compare_reads_two_trials(self, finished: Path) -> None:
        first, second = epochs(finished, self.YAML, 0, 1)
        for number, found in (("0", first), ("1", second)):
            assert [epoch["valid_loss"] for epoch in found] == self.WANTED["valid_losses"][number]

    def test_compare_reads_two_sweeps(self, finished: Path, tmp_path: Path) -> None:
        other = copied("stopped", tmp_path) / "runs/sweeps/toy"
        compared = facts(finished, "compare", self.YAML, str(other))
        assert values(compared["sides"], "epochs", "n_trials") == [[6, 4], [5, 5]]
        assert len(compared["not_comparable"]) > 0

    def test_report_draws_it(self, finished: Path, tmp_path: Path) -> None:
        page = tmp_path / "report.html"
        said = facts(finished, "report", self.YAML, "--html", str(page), "--parquet", str(tmp_path / "tables"))
        assert (said["trials"], said["best_trial"], said["final_winner"]) == (4, 1, "trial 0")
        assert (said["looks_at_test"], said["best_valid_loss"]) == (1, self.WANTED["leaderboard"][0][2])
        assert "</html>" in page.read_text(encoding="utf-8")
        assert (tmp_path / "tables/epochs.parquet").exists()

    def test_the_winner_is_pulled_as_the_bundle_that_it_was(self, finished: Path, tmp_path: Path) -> None:
        call(finished, "pull", self.YAML, "--to", str(tmp_path / "pulled"))
        assert contents(tmp_path / "pulled") == contents(GOLDENS / "bundle")


def stored_result() -> dict[str, Any]:
    """Return the final stage's result as the file has it."""
    value = json.loads((GOLDENS / "finished/runs/sweeps/toy/final/result.json").read_text())
    assert isinstance(value, dict)
    return value


class TestBundle:
    """A bundle as `pull` wrote it."""

    def test_predict_says_what_it_said(self, bundle: Path) -> None:
        found = facts(bundle.parent, "predict", "bundle", *TEXTS)
        assert (found["sweep"], found["trial"], found["epoch"]) == ("toy", 0, 2)
        assert_same(found["predictions"])

    def test_load_gives_the_same_model(self, bundle: Path) -> None:
        found = sweepkit.load(bundle).predict(TEXTS)
        assert_same([{"label": one.label, "probability": one.probability, "note": one.note} for one in found])

    def test_pull_runs_its_check_and_copies_it(self, bundle: Path, tmp_path: Path) -> None:
        """`pull` refuses a bundle whose stored rows of validation do not come out as they were."""
        call(bundle.parent, "pull", "bundle", "--to", str(tmp_path / "again"))
        assert contents(tmp_path / "again") == contents(GOLDENS / "bundle")


@pytest.mark.mlflow
# MLflow, of its own types, when `mlflow.pyfunc` is imported; and pandas, of how MLflow uses it
@pytest.mark.filterwarnings("ignore:.*type hint is inferred as AnyType")
@pytest.mark.filterwarnings("ignore:Operation with range is deprecated")
def test_a_registered_model_is_loaded_by_mlflow(tmp_path: Path) -> None:
    import mlflow.pyfunc
    import pandas as pd

    folder = shutil.copytree(GOLDENS / "registered_model", tmp_path / "model")
    model = mlflow.pyfunc.load_model(str(folder))
    assert model.metadata.flavors["python_function"]["loader_module"] == "sweepkit.serving"
    assert list(model.input_example.columns) == ["text"]
    assert_same(model.predict(pd.DataFrame({"text": TEXTS})).to_dict("records"))


def assert_same(found: list[dict[str, Any]]) -> None:
    """Compare predictions with those of then."""
    wanted = EXPECTED["predictions"]
    assert values(found, "label", "note") == values(wanted, "label", "note")
    for one, other in zip(found, wanted, strict=True):
        assert one["probability"] == (other["probability"] and pytest.approx(other["probability"], abs=CLOSE))
