"""Run trials one by one in this process, for debugging: no Ray, no other process, and exceptions propagate unchanged.

So nothing is retried, and neither hangs nor memory are watched. Try
`InlineRunner(Resources()).run(controller, trial_settings)`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from sweepkit.config.schema import Resources
from sweepkit.data.prepare import Item, Result
from sweepkit.runners.interface import Controller
from sweepkit.trial.request import TrialResources, TrialSettings


class InlineMapper:
    """Apply functions in this process, one item after the other."""

    def map(
        self,
        function: Callable[[Item], Result],
        items: Sequence[Item],
        *,
        describe: str,  # noqa: ARG002  # nothing shows it here
    ) -> Iterator[Result]:
        """Apply the function when the result is requested."""
        # lazily, so that results do not pile up in memory
        return map(function, items)


class InlineRunner(InlineMapper):
    """Run trials in this process; the counterpart of `ray_tune.cluster.RayRunner`."""

    def __init__(self, resources: Resources) -> None:
        # GPUs are counted by Ray; a trial under the debugger runs on the CPU unless the YAML names a number of GPUs
        gpu = 0.0 if resources.gpu == "auto" else float(resources.gpu)
        self.resources = TrialResources(cpu=resources.cpu, gpu=gpu, n_workers=1)

    def run(self, controller: Controller, trial_settings: TrialSettings) -> None:
        """Run trials until the controller has none left."""
        # here, not above: TensorFlow takes seconds to import and is needed only now
        from sweepkit.tasks.lookup import task_of
        from sweepkit.tracking.trial_logger import open_trial_logger
        from sweepkit.training.trainer import Trainer

        trainer: Trainer | None = None
        while (request := controller.next_trial()) is not None:
            # one for all trials, since TensorFlow's settings can be made only once in a process
            trainer = trainer or Trainer(trial_settings, open_trial_logger, task_of(trial_settings.package))
            trainer.start(request)
            while not controller.reported(request.number, trainer.run_epoch()) and not controller.is_over():
                pass
            trainer.stop()
