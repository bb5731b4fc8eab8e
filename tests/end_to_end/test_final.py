"""The final stage of small sweeps, as a user runs it: real trainings, a real look at the test split, a real bundle."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import ROOT, TOY, facts, forked, sweepkit

pytestmark = [pytest.mark.tf, pytest.mark.slow]
QUIET = ("--inline", "--set", "tracking.enabled=false")
SMALL = ("--set", "final={top: 2, seeds: 2}", *QUIET)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a sweep of three trials whose final stage has ended."""
    folder = tmp_path_factory.mktemp("final")
    forked(folder, "run", str(TOY), *QUIET)
    (folder / "final.json").write_text(forked(folder, "final", str(TOY), "--json", *SMALL).stdout)
    return folder


def result(folder: Path) -> dict[str, Any]:
    value = json.loads((folder / "final.json").read_text())
    assert isinstance(value, dict)
    return value


def stage(folder: Path) -> Path:
    return folder / "runs" / "sweeps" / "toy" / "final"


def test_leaders_and_baselines_have_their_seeds(finished: Path) -> None:
    found = result(finished)["candidates"]
    assert [len(candidate["values"]) for candidate in found] == [2, 2, 2, 1]
    assert [candidate["is_baseline"] for candidate in found] == [False, False, True, True]
    assert found[0]["mean"] >= found[1]["mean"]
    assert found[0]["interval"] is not None


def test_seeds_are_fresh(finished: Path) -> None:
    states = [json.loads(p.read_text()) for p in finished.glob("runs/sweeps/toy/**/epoch-*/state.json")]
    of_sweep = {s["seed"] for s in states if len(s["reports"]) and s["number"] < 3}
    of_final = {json.loads(p.read_text())["seed"] for p in stage(finished).glob("trials/*/checkpoints/*/state.json")}
    in_sweep = {
        json.loads(p.read_text())["seed"] for p in finished.glob("runs/sweeps/toy/trials/*/checkpoints/*/state.json")
    }
    assert len(of_final) == 6
    assert of_final.isdisjoint(in_sweep)
    assert of_sweep


def test_only_the_winner_is_measured_on_the_test_split(finished: Path) -> None:
    found = result(finished)
    measured = [path.parent.name for path in stage(finished).rglob("predictions-test.parquet")]
    assert measured == [f"{found['candidates'][0]['best_final_trial']:04d}"]
    assert len(list(stage(finished).rglob("predictions-valid.parquet"))) == 3
    look = found["look"]
    assert (look["number"], look["rows"]) == (1, 40)
    assert look["interval"]["low"] <= look["accuracy"] <= look["interval"]["high"]


def test_the_winner_is_compared_with_the_runner_up_and_both_baselines(finished: Path) -> None:
    found = result(finished)
    others = [comparison["other"] for comparison in found["comparisons"]]
    assert others == [candidate["name"] for candidate in found["candidates"][1:]]
    assert all("noise" in comparison["verdict"] for comparison in found["comparisons"])


def test_the_winner_has_a_bundle_with_its_figures(finished: Path) -> None:
    bundle = json.loads((finished / "runs/sweeps/toy/winner/bundle.json").read_text())
    names = [figure["name"] for figure in bundle["measured"]]
    assert names == ["validation accuracy, mean of 2 seeds", "validation accuracy of this run", "test accuracy"]
    assert bundle["measured"][2]["value"] == result(finished)["look"]["accuracy"]
    assert bundle["sweep"] == "toy"


def test_once_more_shows_the_same_and_does_not_look_again(finished: Path) -> None:
    assert facts(forked(finished, "final", str(TOY), "--json", *SMALL)) == result(finished)


def test_it_reads_well(finished: Path) -> None:
    shown = forked(finished, "final", str(TOY), *SMALL).stdout
    assert "winner against the others, row by row on validation:" in shown
    assert "test split, evaluation 1 of 1" in shown
    assert "its bundle: runs/sweeps/toy/winner" in shown


def test_more_seeds_go_on_from_what_there_is_and_a_second_look_needs_again(finished: Path) -> None:
    more = ("--set", "final={top: 2, seeds: 3}", *QUIET)
    before = sorted((stage(finished) / "trials").iterdir())
    found = facts(forked(finished, "final", str(TOY), "--json", *more))
    assert [len(candidate["values"]) for candidate in found["candidates"]] == [3, 3, 3, 1]
    assert len(list((stage(finished) / "trials").iterdir())) == len(before) + 3
    assert len(found["looks"]) == 1
    again = facts(forked(finished, "final", str(TOY), "--json", "--again", *more))
    assert [look["number"] for look in again["looks"]] == [1, 2]
    assert again["look"]["number"] == 2


def test_before_the_sweep_has_run_there_is_nothing_to_finish(tmp_path: Path) -> None:
    done = forked(tmp_path, "final", str(TOY), *SMALL, code=2)
    assert "sweep 'toy' has not been run yet; start it with `python -m sweepkit run" in done.stderr
    assert not (tmp_path / "runs").exists()


def test_a_killed_final_stage_goes_on_and_repeats_nothing(tmp_path: Path) -> None:
    forked(tmp_path, "run", str(TOY), *QUIET)
    command = [sys.executable, "-m", "sweepkit", "final", str(TOY), *SMALL]
    running = subprocess.Popen(
        command, cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, text=True
    )
    assert running.stdout is not None
    for line in running.stdout:
        if "trial 2 epoch 1" in line:
            break
    running.send_signal(signal.SIGKILL)
    running.wait()
    running.stdout.close()
    ended = {p: p.stat().st_mtime_ns for p in stage(tmp_path).glob("trials/000[01]/checkpoints/*/state.json")}
    found = facts(forked(tmp_path, "final", str(TOY), "--json", *SMALL))
    assert len(list((stage(tmp_path) / "trials").iterdir())) == 6
    assert {p: p.stat().st_mtime_ns for p in ended} == ended
    assert len(found["looks"]) == 1


@pytest.mark.ray
@pytest.mark.mlflow
def test_a_sweep_file_that_asks_for_it_ends_with_it(tmp_path: Path) -> None:
    forked(tmp_path, "prepare", str(TOY), "--inline")  # Ray would start a worker with a TensorFlow for it
    done = sweepkit(
        tmp_path, "run", str(TOY), "--json", "--set", "final={top: 1, seeds: 1}", "--set", "search.trials=1"
    )
    found = facts(done)["final"]
    assert found["winner"] == "trial 0"
    assert found["registered"] == "models:/toy/1"
    with sqlite3.connect(tmp_path / "mlflow.db") as store:
        parent = "select run_uuid, value from tags where key = 'mlflow.parentRunId'"
        names = dict(store.execute("select run_uuid, name from runs").fetchall())
        pairs = sorted((names[run], names[above]) for run, above in store.execute(parent).fetchall())
    assert ("toy/final", "toy") in pairs
    assert [above for name, above in pairs if name != "toy/final"].count("toy/final") == 2
