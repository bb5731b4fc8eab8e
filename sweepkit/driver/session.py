"""The resources of a running sweep or final stage (runner, data, tracking, lock), and the running of its study.

`run` and `final` differ in the trials that their study gets, not in how these are run. Try
`with open_session(claim, options, callback) as session: run_trials(session, study)`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import sweepkit
from sweepkit.config.definition import SweepDefinition
from sweepkit.data.dataset import PreparedData
from sweepkit.driver.callback import SweepCallback
from sweepkit.driver.context import DriverContext
from sweepkit.driver.controller import SweepController
from sweepkit.driver.tracking import SweepRuns
from sweepkit.runners.inline import InlineRunner
from sweepkit.runners.interface import Runner
from sweepkit.storage.lock import DriverLock
from sweepkit.storage.manifest import SweepManifest
from sweepkit.storage.sweep_folder import SweepFolder
from sweepkit.storage.write_errors import before_start
from sweepkit.study.study import SweepStudy
from sweepkit.tasks.interface import FoundData
from sweepkit.trial.request import TrialSettings


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How a sweep is run; no result depends on it.

    Attributes:
        address: a running Ray cluster; None starts one on this machine.
        inline: run trials one by one in this process, without Ray.
        new: start a new sweep beside one of this name that has other settings.
    """

    address: str | None = None
    inline: bool = False
    new: bool = False


@dataclass(frozen=True)
class Claim:
    """A sweep, or its final stage, that this driver alone may run.

    Attributes:
        definition: of the sweep or of the stage.
        folder: of the sweep or of the stage.
        manifest: of that folder.
        data: of its trials; it may not be prepared yet.
        lock: held by this driver.
    """

    definition: SweepDefinition
    folder: SweepFolder
    manifest: SweepManifest
    data: FoundData
    lock: DriverLock


@dataclass(frozen=True)
class SweepSession:
    """Everything that a driver holds while trials run.

    Attributes:
        claim: the sweep.
        dataset: its prepared data.
        runner: the place where trials run.
        runs: its runs in the tracking store; None when tracking is off.
        callback: shows the sweep.
    """

    claim: Claim
    dataset: PreparedData
    runner: Runner
    runs: SweepRuns | None
    callback: SweepCallback

    @property
    def definition(self) -> SweepDefinition:
        return self.claim.definition

    @property
    def folder(self) -> SweepFolder:
        return self.claim.folder

    @property
    def trial_settings(self) -> TrialSettings:
        """The settings that all trials of the sweep share."""
        config, resources = self.definition.config, self.runner.resources
        return TrialSettings(
            package=config.package,
            sweep=self.folder.sweep,
            stage=self.folder.stage,
            storage_uri=self.folder.storage.uri,
            data_key=self.dataset.manifest.key,
            data=self.definition.data.model_dump(mode="json"),
            metric=config.objective.metric,
            direction=config.objective.direction,
            deterministic=config.deterministic,
            threads=resources.cpu,
            gpu=resources.gpu,
            tracking_uri=self.runs.logger.uri if self.runs else None,
            timeout_minutes=config.budget.timeout_minutes,
            worker_memory_gb=config.resources.worker_memory_gb,
            nn=config.nn,
        )


@contextlib.contextmanager
def open_session(claim: Claim, options: RunOptions, callback: SweepCallback) -> Iterator[SweepSession]:
    """Start the runner, prepare the data and open the tracking store; close runner and store at the end of the block.

    Raises:
        InputError: the data, the cluster or the tracking store cannot be used; no trial was started.
    """
    if options.inline:
        _configure_process(claim.definition)  # first, since it may refuse: nothing has been opened or prepared yet
    with ThreadPoolExecutor(1) as background, contextlib.ExitStack() as stack:
        # at the same time: the first start of an MLflow store and that of a Ray cluster take seconds each
        opening = background.submit(SweepRuns.open, claim.definition, claim.folder, claim.manifest)
        runner = stack.enter_context(open_runner(claim.definition, options))
        # no trial has started, so a full disk is wrong input (exit code 2), not an interrupted sweep (3)
        with before_start():
            dataset = claim.data.prepare(claim.folder.storage, runner, callback.on_progress)
            runs = opening.result()
        if runs:
            stack.callback(runs.close)
            runs.describe_data(dataset)
        yield SweepSession(claim, dataset, runner, runs, callback)


def _configure_process(definition: SweepDefinition) -> None:
    """Give this process the settings that its trials need; InputError where TensorFlow has started with others."""
    from sweepkit.training.devices import configure  # not at the top: with Ray, TensorFlow runs on workers only
    from sweepkit.training.keras_import import import_keras

    import_keras()
    resources = InlineRunner(definition.config.resources).resources
    configure(threads=resources.cpu, gpu=resources.gpu, deterministic=definition.config.deterministic)


@contextlib.contextmanager
def open_runner(definition: SweepDefinition, options: RunOptions) -> Iterator[Runner]:
    """Provide the place where trials run: this process, a running cluster, or a new cluster on this machine."""
    if options.inline:
        yield InlineRunner(definition.config.resources)
        return
    from sweepkit.runners.ray_tune import cluster  # here: --inline needs no Ray

    # shipped to the workers, so that a trial runs the driver's sources on whichever machine
    modules = [Path(sweepkit.__file__).parent, definition.package.folder]
    with cluster.connect(options.address, modules=modules, resources=definition.config.resources) as connected:
        yield connected


def run_trials(session: SweepSession, study: SweepStudy) -> str | None:
    """Run the rest of a study; return why it ended before all of its trials had run, None if all of them have.

    Raises:
        StorageFault: the storage cannot be written; the running trials stay unfinished.
    """
    n_workers, runs = session.runner.resources.n_workers, session.runs
    if runs:
        # before any new trial: a kill may have come between a trial's end in the journal and its end in the store
        runs.log_again(study.trials())
    context = DriverContext(n_workers, session.claim.lock.lost)
    controller = SweepController(study, session.folder, session.callback, runs=runs, context=context)
    try:
        with study.running(n_workers):
            session.runner.run(controller, session.trial_settings)
            # inside the block, which then does not try to write the end of this run into a journal on a full disk
            controller.check()
    except BaseException:  # Ctrl-C too; a sweep that was not interrupted is ended by the caller, as finished or failed
        if runs:
            runs.finish("interrupted", study.leaderboard())
        raise
    return controller.over
