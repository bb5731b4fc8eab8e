"""A whole sweep, from its checked YAML to its winner: `run_sweep` reads as the program's table of contents.

Not for printing: whoever wants to see it run passes an `Observer`. Try `run_sweep(problem, RunOptions(inline=True), observer)`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sweepkit
from sweepkit import folders, provenance
from sweepkit.data.prepared import Prepared
from sweepkit.data.preparation import prepare_once
from sweepkit.errors import SweepFailed
from sweepkit.inline import InlineRunner
from sweepkit.leaderboard import ranked, table
from sweepkit.cudnn_check import check_cudnn
from sweepkit.paths import SweepPaths
from sweepkit.problem import SweepProblem
from sweepkit.referee import Observer, Referee
from sweepkit.reports import Mode, Outcome, TrialRecord
from sweepkit.storage import Storage
from sweepkit.study import SweepStudy
from sweepkit.tasks import Job, Runner
from sweepkit.tracking.driver import SweepTracker


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How to run, which decides nothing of the results.

    Attributes:
        address: a running Ray cluster; None starts one on this machine.
        inline: run trials one by one in this process, without Ray.
        new: start a new sweep where one that differs is in the way.
    """

    address: str | None = None
    inline: bool = False
    new: bool = False


@dataclass(frozen=True, slots=True)
class SweepResult:
    """A finished sweep.

    Attributes:
        sweep: its name in the storage.
        records: all of its trials.
        best: the winner.
        checkpoint: the storage name of the winner's best checkpoint.
        over: why it ended before all of its trials; None when it has them all.
        tracking_uri: the MLflow store; None when tracking is off.
    """

    sweep: str
    records: list[TrialRecord]
    best: TrialRecord
    checkpoint: str
    over: str | None
    tracking_uri: str | None


def run_sweep(problem: SweepProblem, options: RunOptions, observer: Observer) -> SweepResult:
    """Run a sweep, or go on with it, to its end.

    Raises:
        InputError: the input is wrong; nothing was started.
        SweepFailed: no trial completed, or more failed than the budget allows.
    """
    storage = Storage.at(problem.spec.storage.uri)
    storage.check_writable()
    source = find_source(problem)
    problem = folders.claim(problem, storage, data_key=data_key(problem, source), new=options.new)
    with ThreadPoolExecutor(1) as background, contextlib.ExitStack() as stack:
        # the first start of an MLflow store and of a Ray cluster take seconds each
        opening = background.submit(open_tracker, problem, storage)
        runner = stack.enter_context(open_runner(problem, options))
        prepared = prepare_once(problem, source, storage, runner, observer.progress)
        tracker = opening.result()
        if tracker:
            stack.callback(tracker.close)
            check_reachable(tracker.uri, runner.n_nodes)
        job = _job(problem, storage, prepared, runner, tracker)
        check_cudnn(runner, job, problem.space)
        return _run_trials(problem, storage, prepared, tracker, observer, lambda referee: runner.run(referee, job))


def prepare_data(problem: SweepProblem, options: RunOptions, observer: Observer) -> Prepared:
    """Prepare a sweep's data, or find it prepared.

    Raises:
        InputError: the data is missing or malformed, or the storage cannot be written.
    """
    storage = Storage.at(problem.spec.storage.uri)
    storage.check_writable()
    source = find_source(problem)
    with contextlib.ExitStack() as stack:
        def runner() -> Runner: ...


@contextlib.contextmanager
def open_runner(problem: SweepProblem, options: RunOptions) -> Iterator[Runner]:
    """Open the place to run on: this process, a running cluster, or one on this machine."""
    if options.inline:
        yield InlineRunner(problem.spec.resources)
        return
    from sweepkit.ray_tune import runner  # here: --inline needs no Ray

    modules = [Path(sweepkit.__file__).parent, problem.package.folder]
    with runner.connect(options.address, modules=modules, wanted=problem.spec.resources) as connected:
        yield connected
