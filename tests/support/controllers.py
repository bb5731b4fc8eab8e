"""A controller driven by hand, and a callback that keeps what it is shown."""

from __future__ import annotations

from sweepkit.driver.callback import SweepProgress
from sweepkit.driver.controller import SweepController
from sweepkit.space import Choice, Float, Space
from sweepkit.trial.trial import Report, Trial

SPACE = Space({"cell": Choice(("gru", "lstm")), "rate": Float(0.1, 1.0)})


class Diary:
    """A callback that keeps what it hears."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, int]] = []
        self.latest: SweepProgress | None = None
        self.remarks: list[str] = []

    def on_progress(self, phase: str, done: int, total: int) -> None:
        self.calls.append((phase, done))

    def on_trial_start(self, trial: Trial, progress: SweepProgress) -> None:
        self.calls.append(("started", trial.number))

    def on_trial_report(self, trial: Trial, progress: SweepProgress) -> None:
        self.calls.append(("reported", trial.number))

    def on_trial_end(self, trial: Trial, progress: SweepProgress) -> None:
        self.calls.append(("ended", trial.number))
        self.latest = progress

    def on_message(self, text: str) -> None:
        self.remarks.append(text)


def report(epoch: int, score: float) -> Report:
    return Report(epoch, {"score": score}, timestamp=0.0)


def run_one(controller: SweepController, score: float) -> int:
    request = controller.next_trial()
    assert request is not None
    assert controller.reported(request.number, report(1, score)) is False
    assert controller.reported(request.number, report(2, score)) is True
    return request.number
