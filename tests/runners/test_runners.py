"""What every runner does: with functions that are mapped, and with trials that a controller hands out."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

import sweepkit
from sweepkit.config.definition import SweepDefinition, load
from sweepkit.config.schema import Resources
from sweepkit.driver.data import find_data
from sweepkit.errors import InputError, StorageFault
from sweepkit.runners.inline import InlineRunner
from sweepkit.runners.interface import Runner
from sweepkit.storage.storage import Storage
from sweepkit.storage.sweep_folder import SweepFolder
from sweepkit.trial.request import TrialRequest, TrialSettings
from sweepkit.trial.trial import Report
from tests.support.commands import TOY

PARAMS = {"units": 4, "learning_rate": 0.05, "dropout": 0.1, "fault": ""}
RESOURCES = Resources(cpu=1, gpu=0, workers=1)


@dataclass
class Script:
    """A controller with a list of trials and the epochs that each is to run; trial 3 ends the sweep."""

    requests: list[tuple[TrialRequest, int]]
    reports: list[tuple[int, Report]] = field(default_factory=list)
    others: list[tuple[object, ...]] = field(default_factory=list)
    last_epoch: dict[int, int] = field(default_factory=dict)
    n_refused: int = 0

    def next_trial(self) -> TrialRequest | None:
        if not self.requests or self.is_over():
            self.n_refused += 1
            return None
        request, self.last_epoch[request.number] = self.requests.pop(0)
        return request

    def reported(self, number: int, report: Report) -> bool:
        self.reports.append((number, report))
        return report.epoch >= self.last_epoch[number]

    def is_over(self) -> bool:
        return bool(self.reports) and self.reports[-1][0] == 3

    def failed(self, number: int, error: str, *, counts: bool = True) -> None:
        self.others.append(("failed", number, error))

    def returned(self, number: int, reason: str) -> None:
        self.others.append(("returned", number, reason))

    def halted(self, error: StorageFault) -> None:
        self.others.append(("halted", str(error)))


@dataclass
class Ran:
    """A list of trials that has been run.

    Attributes:
        script: the controller, with every call.
        folder: the sweep's folder.
    """

    script: Script
    folder: SweepFolder

    def reports(self, number: int) -> list[Report]:
        return [report for trial, report in self.script.reports if trial == number]


@pytest.fixture(scope="module")
def definition(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SweepDefinition]:
    """The toy sweep, with its data prepared in a storage of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [*sys.path])
        runs = tmp_path_factory.mktemp("runs")
        definition = load(TOY, [f"storage.uri={runs}", "tracking.enabled=false"])
        find_data(definition).prepare(Storage.at(str(runs)), InlineRunner(RESOURCES), lambda *_: None)
        yield definition


def length(text: str) -> int:
    return len(text)


def refuse(text: str) -> int:
    raise InputError(f"{text!r} is wrong", where="here")


class RunnerConformance:
    """What a sweep may expect of a runner; subclasses provide the runner."""

    @staticmethod
    def opened(definition: SweepDefinition) -> AbstractContextManager[Runner]:
        raise NotImplementedError

    @pytest.fixture(scope="class")
    @classmethod
    def runner(cls, definition: SweepDefinition) -> Iterator[Runner]:
        with cls.opened(definition) as runner:
            yield runner

    @pytest.fixture(scope="class")
    @classmethod
    def ran(cls, runner: Runner, definition: SweepDefinition) -> Ran:
        """Trial 0 with a second attempt, its twin, and one at which the sweep ends before its last epoch."""
        folder = SweepFolder(Storage.at(definition.config.storage.uri), cls.__name__)
        first = TrialRequest(0, PARAMS, seed=7)
        script = Script(
            [
                (first, 1),
                (replace(first, attempt=2, resumes=True, epochs_reported=1), 3),
                (TrialRequest(1, PARAMS, seed=7), 3),
                (TrialRequest(2, PARAMS, seed=8), 1),
                (TrialRequest(3, PARAMS, seed=9), 3),
                (TrialRequest(4, PARAMS, seed=10), 1),
            ]
        )
        settings = TrialSettings(
            package="toy",
            sweep=folder.sweep,
            storage_uri=folder.storage.uri,
            data_key=find_data(definition).key,
            data=definition.data.model_dump(mode="json"),
            metric=definition.config.objective.metric,
            direction=definition.config.objective.direction,
            deterministic=True,
            threads=runner.resources.cpu,
            gpu=runner.resources.gpu,
            tracking_uri=None,
        )
        runner.run(script, settings)
        return Ran(script, folder)

    def test_results_come_in_the_order_of_the_items(self, runner: Runner) -> None:
        texts = ["a" * (n * 7 % 10) for n in range(30)]
        assert list(runner.map(length, texts, describe="measure")) == [len(text) for text in texts]
        assert list(runner.map(length, [], describe="measure")) == []

    def test_an_input_error_of_a_function_is_raised_unchanged(self, runner: Runner) -> None:
        with pytest.raises(InputError) as caught:
            list(runner.map(refuse, ["a"], describe="refuse"))
        assert str(caught.value) == "here: 'a' is wrong"

    def test_a_trial_has_the_cores_that_the_yaml_asks_for(self, runner: Runner) -> None:
        assert (runner.resources.cpu, runner.resources.gpu, runner.resources.n_workers) == (1, 0, 1)

    def test_every_epoch_is_reported_once_and_in_order_until_the_controller_stops_the_trial(self, ran: Ran) -> None:
        epochs = {number: [report.epoch for report in ran.reports(number)] for number in (0, 1, 2)}
        assert epochs == {0: [1, 2, 3], 1: [1, 2, 3], 2: [1]}
        assert ran.script.others == []
        assert all("valid_accuracy" in report.metrics for _, report in ran.script.reports)

    def test_a_resumed_attempt_has_the_metrics_of_an_uninterrupted_one(self, ran: Ran) -> None:
        resumed, uninterrupted = (
            [{name: value for name, value in report.metrics.items() if not name.endswith("_seconds")} for report in one]
            for one in (ran.reports(0), ran.reports(1))
        )
        assert resumed == uninterrupted

    def test_the_end_of_a_sweep_stops_the_running_trial_and_starts_no_other(self, ran: Ran) -> None:
        assert [report.epoch for report in ran.reports(3)] == [1]
        assert ran.reports(4) == []
        assert ran.script.n_refused >= 1

    def test_every_reported_epoch_is_in_the_storage(self, ran: Ran) -> None:
        for number, epochs in ((0, 3), (1, 3), (2, 1), (3, 1)):
            paths = ran.folder.trial(number).paths
            assert ran.folder.storage.exists(f"{paths.checkpoint(epochs)}/state.json")
            assert f"epoch {epochs}: " in ran.folder.storage.read(paths.log).decode()


@pytest.mark.tf
@pytest.mark.slow
class TestInline(RunnerConformance):
    @staticmethod
    @contextmanager
    def opened(definition: SweepDefinition) -> Iterator[Runner]:
        with pytest.MonkeyPatch.context() as patch:
            # TensorFlow's settings can be made once in a process, and other tests need those of this process
            patch.setattr("sweepkit.training.devices.configure", lambda **_: None)
            yield InlineRunner(RESOURCES)


@pytest.mark.ray
@pytest.mark.tf
@pytest.mark.slow
class TestRay(RunnerConformance):
    @staticmethod
    @contextmanager
    def opened(definition: SweepDefinition) -> Iterator[Runner]:
        from sweepkit.runners.ray_tune import cluster

        modules = [Path(sweepkit.__file__).parent, definition.package.folder]
        with cluster.connect(None, modules=modules, resources=RESOURCES) as runner:
            yield runner
