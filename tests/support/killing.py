"""A small sweep as a process that can be killed at any instant, and what its folder then says of it.

Try `reference = whole(folder)`, then `kill(folder, after_s=3.0)` in another folder and `whole` of that one again.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import subprocess
import sys
import time
import uuid
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from sweepkit.config.schema import SweepConfig
from sweepkit.study.journal import Journal
from tests.support.fork_server import Forked
from tests.support.servers import ROOT, environment
from tests.support.waiting import wait_until

TOY = ROOT / "tests" / "toy_sweeps" / "toy.yaml"
N_TRIALS = 6
# one worker, so that trials come one after the other; a rule that stops some of them, so that a resumed sweep must
# know what others reached; rows enough for epochs that an instant can fall into
_SETS = (
    *(f"search={{sampler: tpe, trials: {N_TRIALS}, seed: 6}}", "stopping={rule: asha, reduction: 2, max_epochs: 4}"),
    # accuracies are all alike, losses differ in every bit
    *("resources={cpu: 1, workers: 1}", "deterministic=true", "data.n_rows=2000"),
    "objective={metric: valid_loss, mode: min}",
)
_MARK = "SWEEPKIT_FAULT_CASE"  # in the environment of a case and of all that it starts, whatever becomes its parent
_DEADLINE_S = 600.0
Process = Forked | subprocess.Popen[bytes]


@dataclass(frozen=True)
class Ended:
    """A sweep that ran to its end.

    Attributes:
        start_s: seconds until its journal had a first line.
        n_lines: of its journal.
        leaderboard: as `run --json` gives it, without the seconds that trials took.
        epochs: trial to its epochs in order, each with its metrics, without the seconds.
        runs: trial to the status of its run in MLflow.
    """

    start_s: float
    n_lines: int
    leaderboard: list[dict[str, Any]]
    epochs: dict[int, list[tuple[int, dict[str, float]]]]
    runs: dict[int, str]


def warm_up(folder: Path) -> None:
    """Have imported what processes are forked with, so that no sweep's time has that in it."""
    Forked(folder, environment(), "--version", out=folder / "out.txt", err=folder / "out.txt").wait()


def whole(folder: Path, *, on_ray: bool = False) -> Ended:
    """Run the sweep in `folder`, or go on with it, to its end, and check that nothing is there twice or missing."""
    began = time.monotonic()
    (folder / "stdout.json").unlink(missing_ok=True)
    process, _ = _start(folder, on_ray=on_ray)
    wait_until(lambda: process.poll() is not None or n_lines(folder), "a line of the journal")
    start_s = time.monotonic() - began
    code = process.wait(_DEADLINE_S)
    assert code == 0, f"exit code {code}\n{_output(folder)}"
    rows = json.loads((folder / "stdout.json").read_text())["leaderboard"]
    leaderboard = [{name: value for name, value in row.items() if name != "seconds"} for row in rows]
    epochs = _epochs(folder)
    _check_written_once(folder)
    return Ended(start_s, n_lines(folder), leaderboard, epochs, _tracked(folder, epochs))


def n_lines(folder: Path) -> int:
    """Count the lines of the journal, which say how far a sweep is, however fast the machine."""
    journal = folder / "runs" / "sweeps" / "toy" / "journal.log"
    return journal.read_bytes().count(b"\n") if journal.exists() else 0


def kill(folder: Path, *, lines: int, after_s: float, on_ray: bool = False) -> str:
    """Start the sweep, or go on with it, kill all of it so many seconds after a line, and say where it was."""
    process, mark = _start(folder, on_ray=on_ray)
    wait_until(
        lambda: process.poll() is not None or n_lines(folder) >= lines,
        f"line {lines} of the journal",
        timeout_s=_DEADLINE_S,
        interval_s=0.002,
    )
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(after_s)
    has_ended = process.poll() is not None
    _kill_all(process, mark)
    return "after its end" if has_ended else phase(folder)


def phase(folder: Path) -> str:
    """Say how far a sweep that was killed had come."""
    sweep = folder / "runs" / "sweeps" / "toy"
    events = _events(sweep / "journal.log")
    n_started = sum("datetime_start" in event for event in events)
    if not n_started:
        prepared = list((folder / "runs" / "data").glob("toy-*"))
        return "before the first trial, data prepared" if prepared else "before the first trial"
    n_ended = sum("datetime_complete" in event for event in events)
    if n_ended == N_TRIALS:
        return "at the end, leaderboard written" if (sweep / "leaderboard.json").exists() else "at the end"
    if n_started == n_ended:
        return f"between trials {n_ended - 1} and {n_ended}"
    return f"trial {n_started - 1}, epoch {_reports(events)[n_started - 1] + 1}"


def _start(folder: Path, *, on_ray: bool) -> tuple[Process, str]:
    mark = uuid.uuid4().hex
    sets = [part for text in _SETS for part in ("--set", text)]
    words = ["run", str(TOY), *sets, "--json"]
    out, err = folder / "stdout.json", folder / "stderr.txt"
    if not on_ray:  # one process, which needs no finding
        return Forked(folder, environment(), *words, "--inline", out=out, err=err), mark
    with out.open("ab") as stdout, err.open("ab") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", "sweepkit", *words],
            cwd=folder,
            env=environment(**{_MARK: mark}),
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
        )
    return process, mark


def _kill_all(process: Process, mark: str) -> None:
    process.kill()
    process.wait()
    # Ray puts some of its processes into groups of their own, and starts others meanwhile
    wait_until(lambda: not _kill_marked(mark), "the end of all processes of the sweep")


def _kill_marked(mark: str) -> list[psutil.Process]:
    """Kill the processes of a sweep, and return those that were still there."""
    left = _marked(mark)
    for survivor in left:
        with contextlib.suppress(psutil.NoSuchProcess):
            survivor.kill()
    psutil.wait_procs(left, timeout=5)
    return left


def _marked(mark: str) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.status() != psutil.STATUS_ZOMBIE and process.environ().get(_MARK) == mark:
                found.append(process)
    return found


def _output(folder: Path) -> str:
    return f"{(folder / 'stdout.json').read_text()}\n{(folder / 'stderr.txt').read_text()}"


def _events(journal: Path) -> list[dict[str, Any]]:
    """Read the journal's lines as they are; the last one may be cut off where its writer was killed."""
    events = []
    for line in journal.read_bytes().splitlines() if journal.exists() else []:
        with contextlib.suppress(ValueError):
            events.append(json.loads(line))
    return events


def _reports(events: list[dict[str, Any]]) -> Counter[int]:
    """Count each trial's reports."""
    return Counter(
        event["trial_id"] for event in events for key in event.get("user_attr", ()) if key.startswith("report:")
    )


def _epochs(folder: Path) -> dict[int, list[tuple[int, dict[str, float]]]]:
    manifest = json.loads((folder / "runs/sweeps/toy/manifest.json").read_text())
    journal = Journal.read(folder / "runs/sweeps/toy/journal.log", SweepConfig.model_validate(manifest["spec"]))
    return {
        trial.number: [
            (report.epoch, {name: value for name, value in report.metrics.items() if not name.endswith("_seconds")})
            for report in trial.reports
        ]
        for trial in journal.trials()
    }


def _check_written_once(folder: Path) -> None:
    """Check that no epoch was reported twice, under whatever key."""
    events = _events(folder / "runs/sweeps/toy/journal.log")
    seen = Counter(
        (event["trial_id"], key) for event in events for key in event.get("user_attr", ()) if key.startswith("report:")
    )
    assert set(seen.values()) == {1}, f"reported more than once: {seen}"


def _tracked(folder: Path, epochs: dict[int, list[tuple[int, dict[str, float]]]]) -> dict[int, str]:
    """Check that MLflow has each metric of each epoch once, a run for each trial, and nothing else that has begun."""
    with contextlib.closing(sqlite3.connect(folder / "mlflow.db")) as store:
        status = dict(store.execute("select run_uuid, status from runs").fetchall())
        trials = store.execute("select run_uuid, value from tags where key = 'sweepkit.trial'").fetchall()
        metrics = store.execute("select run_uuid, key, step from metrics where key not like 'best%'").fetchall()
    assert "RUNNING" not in status.values(), f"these never ended: {status}"
    number_of = {run: int(value) for run, value in trials}
    assert len(status) == 1 + N_TRIALS, f"there must be one run for the sweep and one for each trial: {number_of}"
    assert sorted(number_of.values()) == list(range(N_TRIALS))
    found = Counter((number_of[run], key, step) for run, key, step in metrics)
    assert set(found.values()) == {1}, "a metric was logged twice"
    expected = {(number, name, epoch) for number, seen in epochs.items() for epoch, values in seen for name in values}
    assert {entry for entry in found if not entry[1].endswith("_seconds")} == expected
    return {number: status[run] for run, number in number_of.items()}
