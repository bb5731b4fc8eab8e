"""The same trials one by one in this process, for debugging: no Ray, no other process, and exceptions fly as they
are. So nothing is tried again, and nobody watches for hangs or memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from sweepkit.config.schema import Resources
from sweepkit.data.prepare import Item, Result
from sweepkit.runners.interface import Controller
from sweepkit.trial.request import TrialResources, TrialSettings


class InlineMapper:
    """This process, one item after the other."""

    def map(
        self,
        function: Callable[[Item], Result],
        items: Sequence[Item],
        *,
        describe: str,  # noqa: ARG002  # nothing shows it here
    ) -> Iterator[Result]:
        """Apply the function when the result is asked for."""
        return map(function, items)


class InlineRunner(InlineMapper):
    """This process as a place to run on; the counterpart of `ray_tune.runner.RayRunner`."""

    def __init__(self, wanted: Resources) -> None:
        gpu = 0.0 if wanted.gpu == "auto" else float(wanted.gpu)
        self.resources = TrialResources(cpu=wanted.cpu, gpu=gpu, n_workers=1)

    def run(self, director: Controller, trial_settings: TrialSettings) -> None:
        """Run trials until the director has none left."""
        # here, not above: only now is TensorFlow needed
        from sweepkit.tasks.interface import task_of
        from sweepkit.tracking.trial_logger import open_trial_logger
        from sweepkit.training.trainer import Trainer

        worker: Trainer | None = None
        while (request := director.next_trial()) is not None:
            worker = worker or Trainer(trial_settings, open_trial_logger, task_of(trial_settings.package))
            worker.start(request)
            while not director.reported(request.number, worker.run_epoch()) and not director.is_over():
                pass
            worker.stop()
