"""Sweeps that go on with more epochs or more budget, and two at once, as a user starts them: real trainings."""

from __future__ import annotations

import json
import shutil
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import TOY, facts, forked, sweepkit
from tests.support.fork_server import Forked
from tests.support.servers import environment
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.tf, pytest.mark.slow]
OFF = ("--inline", "--set", "tracking.enabled=false", "--set", "deterministic=true")


def run(folder: Path, *sets: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    """Run the toy in `folder`; each of `sets` is an override."""
    folder.mkdir(exist_ok=True)
    return forked(folder, "run", str(TOY), *OFF, "--json", *overrides(sets), code=code)


def overrides(sets: tuple[str, ...]) -> list[str]:
    return [word for one in sets for word in ("--set", one)]


@contextmanager
def started(folder: Path, *sets: str) -> Iterator[Forked]:
    """Start the toy in `folder`, and wait until it has begun to train; it is killed at the end of the block."""
    folder.mkdir(exist_ok=True)
    out = folder / "out.txt"
    running = Forked(folder, environment(), "run", str(TOY), *OFF, *overrides(sets), out=out, err=out)
    try:
        yield running
    finally:
        running.kill()
        running.wait()


def wait_for(folder: Path, number: int, epoch: int, running: Forked) -> None:
    """Wait until a trial has a checkpoint of this epoch or a later one."""
    wait_until(
        lambda: any(int(path.parent.name[-4:]) >= epoch for path in states(folder, number)),
        f"epoch {epoch} of trial {number}",
        process=running,
        output=(folder / "out.txt").read_text,
    )


def states(folder: Path, number: int) -> list[Path]:
    return sorted(trial(folder, number).glob("checkpoints/epoch-*/state.json"))


def trial(folder: Path, number: int) -> Path:
    return folder / "runs" / "sweeps" / "toy" / "trials" / f"{number:04d}"


def rows(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    """Return a leaderboard without times, which no two runs have in common."""
    return [{key: value for key, value in row.items() if key != "seconds"} for row in facts(done)["leaderboard"]]


def curves(folder: Path) -> dict[int, list[dict[str, float]]]:
    """Return all metrics of all epochs as the journal has them, without times; the newest entry of a trial counts."""
    numbers: list[int] = []
    found: dict[int, dict[str, dict[str, float]]] = {}
    for line in (folder / "runs/sweeps/toy/journal.log").read_text().splitlines():
        entry = json.loads(line)
        attrs = dict(entry.get("user_attrs") or entry.get("user_attr") or {})
        if entry["op_code"] == 4:  # a trial begins
            numbers.append(attrs.get("continues", len(set(numbers))))
        for key, value in attrs.items():
            if key.startswith("report:"):
                metrics = json.loads(value)["metrics"]
                number = numbers[entry.get("trial_id", len(numbers) - 1)]
                found.setdefault(number, {})[key] = {k: v for k, v in metrics.items() if "seconds" not in k}
    return {number: [found[number][key] for key in sorted(found[number])] for number in sorted(found)}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, Any]]]:
    """A sweep of three trials of four epochs that nothing has interrupted: its folder and leaderboard."""
    folder = tmp_path_factory.mktemp("whole")
    return folder, rows(run(folder, "stopping.max_epochs=4"))


@pytest.fixture(scope="module")
def half(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the same sweep after two epochs; to be copied."""
    folder = tmp_path_factory.mktemp("half")
    run(folder, "stopping.max_epochs=2")
    return folder


def weights(folder: Path, number: int) -> list[str]:
    """Return the checksums of a trial's checkpoints."""
    return [json.loads(state.read_text())["sha256"] for state in states(folder, number)]


@pytest.mark.faults
def test_two_epochs_and_then_four_are_four_to_the_bit(tmp_path: Path, whole: tuple[Path, list[dict[str, Any]]]) -> None:
    folder, expected = whole
    run(tmp_path, "stopping.max_epochs=2")
    assert rows(run(tmp_path, "stopping.max_epochs=4")) == expected
    assert curves(tmp_path) == curves(folder)
    assert [row["epochs"] for row in expected] == [4, 4, 4]
    assert [weights(tmp_path, n)[-1:] for n in range(3)] == [weights(folder, n)[-1:] for n in range(3)]
    assert "starts after epoch 2" in (trial(tmp_path, 0) / "log.txt").read_text()


@pytest.mark.faults
def test_survivors_without_checkpoints_are_trained_again_to_the_same_bits(
    tmp_path: Path, whole: tuple[Path, list[dict[str, Any]]]
) -> None:
    folder, expected = whole
    run(tmp_path, "stopping.max_epochs=2", "storage.keep=1")
    kept = [n for n in range(3) if weights(tmp_path, n)]
    assert len(kept) == 1
    assert rows(run(tmp_path, "stopping.max_epochs=4")) == expected
    assert curves(tmp_path) == curves(folder)
    logs = [(trial(tmp_path, n) / "log.txt").read_text() for n in range(3)]
    assert [("epoch 1 trained again" in log) for log in logs] == [n not in kept for n in range(3)]
    assert [weights(tmp_path, n)[-1:] for n in range(3)] == [weights(folder, n)[-1:] for n in range(3)]


@pytest.mark.faults
def test_an_extension_that_is_killed_goes_on(
    tmp_path: Path, half: Path, whole: tuple[Path, list[dict[str, Any]]]
) -> None:
    folder, expected = whole
    shutil.copytree(half, tmp_path, dirs_exist_ok=True)
    with started(tmp_path, "stopping.max_epochs=4") as running:
        wait_for(tmp_path, 1, 3, running)
        running.send_signal(signal.SIGKILL)
        running.wait()
    assert rows(run(tmp_path, "stopping.max_epochs=4")) == expected
    assert curves(tmp_path) == curves(folder)


def test_fewer_epochs_than_have_been_run_are_refused(half: Path) -> None:
    done = run(half, "stopping.max_epochs=1", code=2)
    assert "stopping.max_epochs was 2 and is now 1, but trial 0 has run 2 epochs" in done.stderr
    assert "add --new" in done.stderr


@pytest.mark.faults
def test_a_budget_of_epochs_ends_the_sweep_and_a_larger_one_goes_on(
    tmp_path: Path, whole: tuple[Path, list[dict[str, Any]]]
) -> None:
    _, expected = whole
    over = facts(run(tmp_path, "stopping.max_epochs=4", "budget.epochs=6"))
    assert over["ended_early"] == "budget.epochs: 6 is used up"
    status = facts(sweepkit(tmp_path, "status", "runs/sweeps/toy", "--json"))
    assert (status["spent"]["epochs"], status["counts"]["unfinished"]) == (6, 1)
    again = facts(run(tmp_path, "stopping.max_epochs=4", "budget.epochs=6"))
    assert again["ended_early"] == "budget.epochs: 6 is used up"
    assert rows(run(tmp_path, "stopping.max_epochs=4", "budget.epochs=13")) == expected


def test_a_second_run_and_a_final_are_refused_and_a_dead_driver_is_not_in_the_way(tmp_path: Path, half: Path) -> None:
    shutil.copytree(half, tmp_path, dirs_exist_ok=True)
    with started(tmp_path, "stopping.max_epochs=500") as running:
        wait_for(tmp_path, 0, 3, running)
        for verb in ("run", "final"):
            done = forked(
                tmp_path, verb, str(TOY), *OFF, *overrides(("search.trials=9", "stopping.max_epochs=500")), code=2
            )
            assert "sweep 'toy' is already running: `python -m sweepkit run` of" in done.stderr
            assert f"process {running.pid}, since" in done.stderr
        status = facts(sweepkit(tmp_path, "status", "runs/sweeps/toy", "--json"))
        assert (status["running"]["pid"], status["n_trials"]) == (running.pid, 3)
        running.send_signal(signal.SIGKILL)
        running.wait()
        n_epochs = facts(sweepkit(tmp_path, "status", "runs/sweeps/toy", "--json"))["spent"]["epochs"]
    with started(tmp_path, "stopping.max_epochs=500") as running:
        wait_for(tmp_path, 0, n_epochs, running)
        running.send_signal(signal.SIGINT)
        assert running.wait() == 130, (tmp_path / "out.txt").read_text()
    assert not (tmp_path / "runs/sweeps/toy/running.json").exists()


@pytest.mark.faults
@pytest.mark.mlflow
def test_mlflow_has_every_epoch_once_in_the_trials_old_run(tmp_path: Path) -> None:
    on = ("--inline", "--json", "--set", "storage.keep=1", "--set", "search.trials=2")
    forked(tmp_path, "run", str(TOY), *on, "--set", "stopping.max_epochs=2")
    forked(tmp_path, "run", str(TOY), *on, "--set", "stopping.max_epochs=3")
    with sqlite3.connect(tmp_path / "mlflow.db") as store:
        steps = store.execute("select run_uuid, step from metrics where key = 'valid_accuracy'").fetchall()
        ended = store.execute("select name, status from runs order by name").fetchall()
        reasons = store.execute("select value from tags where key = 'sweepkit.stop_reason'").fetchall()
    assert len({run_id for run_id, _ in steps}) == 2
    assert sorted(step for _, step in steps) == [1, 1, 2, 2, 3, 3]
    assert [status for _, status in ended] == ["FINISHED"] * 3
    assert reasons == [("ran all 3 epochs",)] * 2


@pytest.mark.faults
def test_a_final_stage_goes_on_too_and_looks_at_the_other_model_only_when_asked(tmp_path: Path) -> None:
    one = ("search.trials=1", "final={top: 1, seeds: 1}")
    before = facts(run(tmp_path, *one))["final"]
    after = facts(run(tmp_path, *one, "stopping.max_epochs=3"))["final"]
    assert before["look"]["accuracy"] is not None
    assert after["look"] is None
    assert [look["final_trial"] for look in after["looks"]] == [None]
    assert [candidate["final_trials"] for candidate in after["candidates"]] == [
        candidate["final_trials"] for candidate in before["candidates"]
    ]
    bundle = json.loads((tmp_path / "runs/sweeps/toy/winner/bundle.json").read_text())
    assert "test accuracy" not in [figure["name"] for figure in bundle["measured"]]
    again = facts(
        forked(tmp_path, "final", str(TOY), *OFF, "--json", "--again", *overrides((*one, "stopping.max_epochs=3")))
    )
    assert [look["number"] for look in again["looks"]] == [1, 2]
    assert again["look"]["number"] == 2
