"""Requests of a task carried out on a worker: module-level functions, as `Runner.map` takes them.

Light to import, because the driver passes these functions to workers and never imports TensorFlow. Each runs on one
thread and without a GPU, unless trials have run in its process before. Try
`list(runner.map(evaluate, [EvaluationRequest(...)], describe="evaluate"))`.
"""

from __future__ import annotations

from sweepkit.bundle.manifest import BundleManifest
from sweepkit.tasks.lookup import task_of
from sweepkit.tasks.requests import BaselineRequest, Evaluation, EvaluationRequest, ExportRequest
from sweepkit.training.keras_import import import_keras


def evaluate(request: EvaluationRequest) -> Evaluation:
    """Predict a split; see `Task.evaluate`."""
    _start()
    return task_of(request.checkpoint.data.package).evaluate(request)


def export(request: ExportRequest) -> BundleManifest:
    """Export a bundle; see `Task.export`."""
    _start()
    return task_of(request.checkpoint.data.package).export(request)


def fit_baseline(request: BaselineRequest) -> None:
    """Fit a baseline that is not a network; see `Baseline.fit`."""
    _start()
    baselines = {baseline.name: baseline for baseline in task_of(request.data.package).baselines}
    baselines[request.name].fit(request)


def _start() -> None:
    import_keras()
    from sweepkit.training import devices  # here, not above: it imports TensorFlow

    devices.configure_task()
