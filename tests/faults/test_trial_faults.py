"""Trials that meet every fault there is, in whole sweeps as a user starts them: real processes, a real Ray, real kills.

`tests/driver/test_controller.py` and `tests/runners/ray_tune` have the rules without Ray,
`tests/end_to_end/test_sweep.py` one fault on it.
"""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sweepkit.results.sweep import Sweep, load_sweep
from sweepkit.trial.trial import Trial, TrialState
from tests.support.waiting import wait_until

ROOT = Path(__file__).parents[2]
TOY = ROOT / "tests" / "toy_sweeps" / "toy.yaml"
SAME = ("space.units=4", "space.learning_rate=0.05", "space.dropout=0.1")
EPOCHS = 4

pytestmark = [pytest.mark.ray, pytest.mark.tf, pytest.mark.slow, pytest.mark.faults]


@dataclass(frozen=True)
class Ran:
    """A sweep that has ended, or not come to its end."""

    folder: Path
    code: int
    out: str

    @property
    def sweep(self) -> Sweep:
        return load_sweep(self.folder / "runs/sweeps/toy")

    def by_fault(self) -> dict[str, Trial]:
        return {str(trial.params["fault"]): trial for trial in self.sweep.trials}

    def status(self) -> dict[str, Any]:
        done = subprocess.run(
            [sys.executable, "-m", "sweepkit", "status", "runs/sweeps/toy", "--json"],
            cwd=self.folder, env=environment(), capture_output=True, text=True, check=True,
        )  # fmt: skip
        return dict(json.loads(done.stdout))

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        with sqlite3.connect(self.folder / "mlflow.db") as store:
            return store.execute(statement).fetchall()

    def remarks(self, word: str) -> list[str]:
        """Return the lines of the run that have this word in them."""
        return [line for line in self.out.splitlines() if word in line]


def environment() -> dict[str, str]:
    """Return this process's environment without anybody's MLflow settings."""
    own = {key: value for key, value in os.environ.items() if not key.startswith("MLFLOW_")}
    return own | {"PYTHONPATH": str(ROOT)}


def command(faults: list[str], *sets: str) -> list[str]:
    every = [
        f"search={{sampler: grid, trials: {len(faults)}}}",
        f"space.fault={json.dumps(faults)}",
        f"stopping.max_epochs={EPOCHS}",
        *SAME,
        *sets,
    ]
    options = [part for value in every for part in ("--set", value)]
    return [sys.executable, "-m", "sweepkit", "run", str(TOY), *options]


def run(folder: Path, faults: list[str], *sets: str, code: int = 0) -> Ran:
    """Run a sweep of one trial for each fault to its end."""
    done = subprocess.run(
        command(faults, *sets),
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == code, f"exit code {done.returncode}\n{done.stdout}"
    return Ran(folder, done.returncode, done.stdout)


def has_every_epoch_once(ran: Ran, trial: Trial) -> bool:
    """Tell whether the journal and MLflow have all epochs of a trial, each once."""
    in_journal = [report.epoch for report in trial.reports]
    in_mlflow = ran.query(
        f"select step from metrics where run_uuid = '{trial.run_id}' and key = 'valid_accuracy' order by step"
    )
    every = list(range(1, EPOCHS + 1))
    return in_journal == every and [step for (step,) in in_mlflow] == every


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """A sweep on two workers: a healthy trial, four that recover, one that never does."""
    faults = ["", "exit once", "kill once", "raise once", "hang once", "train"]
    folder = tmp_path_factory.mktemp("faulty")
    return run(folder, faults, "resources.workers=2", "budget.timeout_minutes=1")


@pytest.mark.mlflow
class TestOneFault:
    @pytest.mark.parametrize(
        ("fault", "said"),
        [
            ("exit once", "its worker was killed or exited (pid "),
            ("kill once", "its worker was killed or exited (pid "),
            ("raise once", "the toy cannot be trained, this once"),
            ("hang once", "hung: no epoch within budget.timeout_minutes: 1; its worker was killed"),
        ],
    )
    def test_the_trial_goes_on_from_its_checkpoint_and_has_every_epoch_once(
        self, faulty: Ran, fault: str, said: str
    ) -> None:
        trial = faulty.by_fault()[fault]
        assert trial.state is TrialState.COMPLETE
        assert [(f.epoch, f.counts) for f in trial.failures] == [(1, True)]
        assert said in trial.failures[0].error
        assert has_every_epoch_once(faulty, trial)

    @pytest.mark.parametrize("fault", ["exit once", "kill once", "hang once"])
    def test_another_worker_goes_on_after_the_epoch_of_the_checkpoint(self, faulty: Ran, fault: str) -> None:
        trial = faulty.by_fault()[fault]
        log = (faulty.folder / f"runs/sweeps/toy/trials/{trial.number:04d}/log.txt").read_text()
        assert f"trial {trial.number} starts after epoch 0" in log
        assert f"trial {trial.number} attempt 2 starts after epoch 1" in log
        assert log.count("epoch 1: {'train_accuracy'") == 1

    def test_what_happened_is_said_while_the_sweep_runs(self, faulty: Ran) -> None:
        number = faulty.by_fault()["raise once"].number
        (line,) = faulty.remarks(f"trial {number} attempt 1")
        assert "this once" in line
        assert line.endswith("; attempt 2 resumes after epoch 1")
        assert faulty.remarks(f"trial {number} attempt 2 started: fault=raise once")

    def test_other_trials_are_not_disturbed(self, faulty: Ran) -> None:
        trial = faulty.by_fault()[""]
        assert (trial.state, trial.failures) == (TrialState.COMPLETE, ())
        assert has_every_epoch_once(faulty, trial)

    def test_nothing_of_ray_is_printed(self, faulty: Ran) -> None:
        assert not [line for line in faulty.out.splitlines() if "Traceback" in line or "ray." in line]


@pytest.mark.mlflow
class TestAFaultEveryTime:
    def test_the_trial_fails_after_its_retries_and_the_sweep_goes_on(self, faulty: Ran) -> None:
        trial = faulty.by_fault()["train"]
        assert trial.state is TrialState.FAILED
        assert len(trial.failures) == 2
        assert faulty.sweep.counts() == {"complete": 5, "pruned": 0, "failed": 1, "unfinished": 0}

    def test_status_has_the_attempts_the_traceback_and_the_log(self, faulty: Ran) -> None:
        trial, status = faulty.by_fault()["train"], faulty.status()
        number = str(trial.number)
        assert "RuntimeError: the toy cannot be trained" in status["errors"][number]
        assert 'File "' in status["errors"][number]
        assert len(status["faults"][number]) == 2
        assert "the toy cannot be trained" in Path(status["logs"][number]).read_text()

    def test_mlflow_has_the_traceback_and_the_log(self, faulty: Ran) -> None:
        trial = faulty.by_fault()["train"]
        tags = dict(faulty.query(f"select key, value from tags where run_uuid = '{trial.run_id}'"))
        assert "the toy cannot be trained" in tags["sweepkit.error"]
        assert tags["sweepkit.faults"] == "2"
        assert Path(tags["sweepkit.log"]).exists()
        assert "the toy cannot be trained" in tags["mlflow.note.content"]
        assert faulty.query(f"select status from runs where run_uuid = '{trial.run_id}'") == [("FAILED",)]


def test_one_failure_too_many_ends_the_sweep(tmp_path: Path) -> None:
    sets = ("budget={failures: 1, retries: 0}", "resources.workers=1", "tracking.enabled=false")
    ran = run(tmp_path, ["build", "exit", "train", ""], *sets, code=3)
    assert "2 trials failed, more than budget.failures: 1 allows" in ran.out
    assert ran.sweep.counts()["failed"] == 2


def test_a_worker_that_has_grown_makes_room_for_a_fresh_one(tmp_path: Path) -> None:
    sets = ("resources={workers: 1, worker_memory_gb: 1.6}", "budget.retries=0", "tracking.enabled=false")
    ran = run(tmp_path, ["grow", ""], "space.units=[4, 5]", "search.trials=4", *sets)
    assert ran.sweep.counts()["complete"] == 4
    assert not ran.sweep.with_failures()
    replaced = ran.remarks("GB after its last trial, more than resources.worker_memory_gb: 1.60")
    grown = [trial.number for trial in ran.sweep.trials if trial.params["fault"] == "grow"]
    assert [line.partition(" held ")[0] for line in replaced] == [
        f"trial {number + 1} moves to another worker: the previous worker" for number in grown if number < 3
    ]


@dataclass(frozen=True)
class Nodes:
    """A cluster of two nodes on this machine; the driver is on the first."""

    address: str
    lose_one: Callable[[], None]


@pytest.fixture
def nodes() -> Iterator[Nodes]:
    from ray.cluster_utils import Cluster

    cluster = Cluster()
    try:
        cluster.add_node(num_cpus=1, include_dashboard=False)
        second = cluster.add_node(num_cpus=1)
        yield Nodes(str(cluster.address), lambda: cluster.remove_node(second, allow_graceful=False))
    finally:
        cluster.shutdown()


@pytest.mark.mlflow
def test_a_lost_node_costs_its_trial_no_retry_and_no_epoch(tmp_path: Path, nodes: Nodes) -> None:
    line = [*command(["slow"], "space.units=[4, 5]", "search.trials=2", "budget.retries=0"), "--address", nodes.address]
    with (tmp_path / "out.txt").open("w") as out:
        running = subprocess.Popen(line, cwd=tmp_path, env=environment(), stdout=out, stderr=subprocess.STDOUT)
        wait_for_checkpoints(tmp_path, running, n_trials=2)
        nodes.lose_one()
        assert running.wait(timeout=180) == 0, (tmp_path / "out.txt").read_text()
    ran = Ran(tmp_path, 0, (tmp_path / "out.txt").read_text())
    (lost,) = ran.sweep.with_failures()
    assert [fault.counts for fault in lost.failures] == [False]
    assert "its node" in lost.failures[0].summary
    assert lost.failures[0].epoch >= 1
    for trial in ran.sweep.trials:
        assert trial.state is TrialState.COMPLETE
        assert has_every_epoch_once(ran, trial)
    assert ran.remarks("(does not count); attempt 2 resumes after epoch ")


def wait_for_checkpoints(folder: Path, running: subprocess.Popen[bytes], *, n_trials: int) -> None:
    """Wait until as many trials have a checkpoint."""
    pattern = "runs/sweeps/toy/trials/*/checkpoints/epoch-*/state.json"
    wait_until(
        lambda: len(list(folder.glob(pattern))) >= n_trials,
        f"{n_trials} checkpoints",
        process=running,
        output=(folder / "out.txt").read_text,
    )


def test_a_trial_that_fills_the_memory_is_killed_and_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import psutil

    memory = psutil.virtual_memory()
    if memory.available < 10e9:
        pytest.skip("needs 10 GB of free memory")
    # Ray's monitor acts when the machine's memory is this full: by 4 GB more than now; the trial takes 6 GB at once
    monkeypatch.setenv("RAY_memory_usage_threshold", f"{1 - (memory.available - 4e9) / memory.total:.3f}")
    monkeypatch.setenv("RAY_memory_monitor_refresh_ms", "100")
    ran = run(tmp_path, ["swell once", ""], "resources.workers=1", "tracking.enabled=false")
    (swollen,) = ran.sweep.with_failures()
    assert swollen.params["fault"] == "swell once"
    assert [(fault.epoch, fault.counts) for fault in swollen.failures] == [(1, True)]
    assert "memory" in swollen.failures[0].error
    assert [trial.state for trial in ran.sweep.trials] == [TrialState.COMPLETE] * 2
    (line,) = ran.remarks(f"trial {swollen.number} attempt 1")
    assert line.endswith("; attempt 2 resumes after epoch 1")
