"""What a trial costs besides training and validating, what MLflow costs, and whether a worker's memory grows.

    python tests/benchmarks/overhead.py trials     # seconds per trial on one warm worker, with MLflow on
    python tests/benchmarks/overhead.py mlflow     # seconds that tracking takes in a sweep of 48 trials and 4 epochs
    python tests/benchmarks/overhead.py memory     # resident memory of one worker over 100 trials of differing shapes
    python tests/benchmarks/overhead.py flat       # resident memory of driver and worker over 200 trivial trials

The last one runs the toy of the tests, all others the shipped sample; each takes two to five minutes on 2 cores.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "sweeps")]
YAML = ROOT / "sweeps" / "imdb_cells.yaml"
N_WARM = 3  # first trials of a worker, which also import and decode


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("trials", "mlflow", "memory", "flat"))
    parser.add_argument("--n", type=int, default=0, help="trials; the default is said above, or 20")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sweepkit-bench-") as scratch:
        os.chdir(scratch)
        {"trials": trials, "mlflow": tracking, "memory": memory, "flat": flat}[options.what](Path(scratch), options.n)


def sweepkit(*arguments: str) -> str:
    command = [sys.executable, "-m", "sweepkit", *arguments]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout


def trials(scratch: Path, n: int) -> None:
    """Run a sweep on one worker; a trial's time is from the end of the one before to its own end."""
    n = n or 20
    sets = [
        *("search.sampler=random", f"search.trials={n}", "stopping={rule: none, max_epochs: 2}"),
        *("resources.workers=1", "space.max_len=100", "space.embedding=scratch", "space.bidirectional=false"),
    ]
    sweepkit("run", str(YAML), "--data", "sample", *(part for text in sets for part in ("--set", text)))
    from sweepkit.results.sweep import load_sweep

    records = load_sweep(Path("runs/sweeps/imdb_cells")).records
    ends = [record.reports[-1].timestamp for record in records]
    overheads, firsts = [], []
    for before, end, record in zip(ends, ends[1:], records[1:], strict=False):
        seconds = [r.metrics["train_seconds"] + r.metrics["valid_seconds"] for r in record.reports]
        overheads.append(end - before - sum(seconds))
        firsts.append(seconds[0] - seconds[1])
    warm = overheads[N_WARM:]
    print(f"overhead per trial of 2 epochs, {len(warm)} trials: {quartiles(warm)}")
    print(f"of a first epoch beyond the second, mostly tracing the model: {quartiles(firsts[N_WARM:])}")


def tracking(scratch: Path, n: int) -> None:
    """Make the calls that a sweep makes and add up what the driver's loop and its background thread spend."""
    from sweepkit.storage.storage import Storage
    from sweepkit.storage.sweep_folder import SweepFolder
    from sweepkit.tracking import run_endings, spool
    from sweepkit.tracking.run_metadata import RunMetadata
    from sweepkit.tracking.sweep_logger import SweepLogger
    from sweepkit.trial.trial import Report, Trial, TrialState

    n = n or 48
    sweep_folder = SweepFolder(Storage.at(str(scratch / "runs")), "bench")
    metadata = RunMetadata(experiment="bench", title="bench", origin="bench", tags={}, params={})
    sweep_logger = SweepLogger.open(None, metadata)
    sweep_logger.flush()
    metrics = {f"metric_{i}": 0.5 for i in range(6)}
    began, cpu, waited = time.perf_counter(), time.process_time(), 0.0
    for number in range(n):
        folder, trial = sweep_folder.trial(number), Trial(number, {f"param_{i}": i for i in range(12)})
        at = time.perf_counter()
        run_id = sweep_logger.start_trial(trial)
        waited += time.perf_counter() - at
        for epoch in range(1, 5):
            at = time.perf_counter()
            spool.write(folder, Report(epoch, metrics, time.time()), {})  # a worker's part
            sweep_logger.collect(run_id, folder)
            waited += time.perf_counter() - at
        at = time.perf_counter()
        ended = replace(trial, state=TrialState.COMPLETE, reason="-", best_value=0.5, best_epoch=1)
        sweep_logger.end_trial(run_id, run_endings.of_trial(ended, "metric_0", folder))
        waited += time.perf_counter() - at
    sweep_logger.flush(600)
    print(
        f"{n} trials of 4 epochs: {waited:.2f} s waited for, {time.process_time() - cpu:.2f} s of CPU in all, "
        f"{time.perf_counter() - began:.2f} s until all had arrived"
    )
    sweep_logger.close()


def memory(scratch: Path, n: int) -> None:
    """Run trials of differing shapes through one `Trainer` and watch its resident memory after each."""
    n = n or 100
    prepared = json.loads(sweepkit("prepare", str(YAML), "--data", "sample", "--inline", "--json"))
    import psutil

    from sweepkit.config.definition import load
    from sweepkit.driver.preflight import covering_params
    from sweepkit.tasks.lookup import task_of
    from sweepkit.training.trainer import Trainer
    from sweepkit.trial.request import TrialRequest, TrialSettings
    from sweepkit.trial.trial import Direction

    definition = load(YAML, ["space.max_len=[20, 40]", "space.batch_size=512"], data="sample")
    trial_settings = TrialSettings(
        package="imdb",
        sweep="memory",
        storage_uri=str(scratch / "runs"),
        data_key=prepared["key"],
        data=definition.data.model_dump(mode="json"),
        metric="valid_accuracy",
        direction=Direction.MAX,
        deterministic=False,
        threads=1,
        gpu=0.0,
        tracking_uri=None,
    )
    worker, process = Trainer(trial_settings, lambda *_: None, task_of(trial_settings.package)), psutil.Process()
    param_sets = covering_params(definition.space)
    resident = []
    for number in range(n):
        params = random.Random(number).choice(param_sets)
        worker.start(TrialRequest(number=number, params=params, seed=number))
        worker.run_epoch()
        worker.stop()
        resident.append(process.memory_info().rss / 2**20)
        print(f"trial {number}: {resident[-1]:.0f} MB", flush=True)
    tail = resident[n // 5 :]
    # one trial's size is no trend: the slope of a line through all of them is
    slope = statistics.linear_regression(range(len(tail)), tail).slope
    print(f"growth: {slope:.2f} MB a trial over the last {len(tail)}; from {resident[0]:.0f} to {resident[-1]:.0f} MB")


def flat(scratch: Path, n: int) -> None:
    """Run trivial trials on Ray with MLflow on, and watch the driver and its one worker from outside."""
    import psutil

    from sweepkit.results.sweep import load_sweep

    n = n or 200
    sets = ["search.sampler=random", f"search.trials={n}", "stopping={rule: none, max_epochs: 1}"]
    options = [part for text in (*sets, "resources.workers=1") for part in ("--set", text)]
    toy = ROOT / "tests" / "toy_sweeps" / "toy.yaml"
    command = [sys.executable, "-m", "sweepkit", "run", str(toy), *options]
    process = subprocess.Popen(command, env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=subprocess.DEVNULL)
    driver, journal = psutil.Process(process.pid), scratch / "runs" / "sweeps" / "toy" / "journal.log"
    seen: dict[int, tuple[float, float]] = {}  # trials that have ended -> MB of the driver and of the worker
    while process.poll() is None:
        ended = journal.read_text().count('"datetime_complete"') if journal.exists() else 0
        try:
            workers = [child for child in driver.children(recursive=True) if "Trial" in " ".join(child.cmdline())]
            if workers:
                seen[ended] = driver.memory_info().rss / 2**20, max(w.memory_info().rss for w in workers) / 2**20
        except psutil.Error:  # it has just ended
            continue
        time.sleep(0.2)
    assert process.returncode == 0
    for number in (20, n):
        at = max(count for count in seen if count <= number)
        print(f"after {at} trials: driver {seen[at][0]:.0f} MB, worker {seen[at][1]:.0f} MB")
    records = load_sweep(Path("runs/sweeps/toy")).records
    ends = [record.reports[-1].timestamp for record in records]
    overheads = [
        end - before - record.reports[0].metrics["train_seconds"] - record.reports[0].metrics["valid_seconds"]
        for before, end, record in zip(ends, ends[1:], records[1:], strict=False)
    ]
    print(f"overhead per trial of 1 epoch, {len(overheads[N_WARM:])} trials: {quartiles(overheads[N_WARM:])}")


def quartiles(values: list[float]) -> str:
    low, middle, high = statistics.quantiles(values, n=4)
    return f"median {middle:.2f} s, quartiles {low:.2f} and {high:.2f} s"


if __name__ == "__main__":
    main()
