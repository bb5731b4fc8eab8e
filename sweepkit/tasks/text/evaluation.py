"""A trained trial on a whole split: what it says of every row. Runs as a task on a worker.

Not for selecting: whoever calls it decides which split may be looked at. Try
`evaluate(EvaluationTask(..., split="valid")).accuracy`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sweepkit.config.package import import_package
from sweepkit.data.batches import BatchSettings, window_batches
from sweepkit.data.dataset import PreparedData
from sweepkit.data.prepare import local_folder
from sweepkit.data.rows import Rows
from sweepkit.space import Params
from sweepkit.storage.layout import DataPaths, SweepPaths
from sweepkit.storage.storage import Storage
from sweepkit.tasks.text import predictions
from sweepkit.tasks.text.predictions import Predictions
from sweepkit.training.keras_import import import_keras

_BATCH = 512
_MOST_MISTAKES = 40


@dataclass(frozen=True, slots=True)
class EvaluationTask:
    """Which checkpoint is to predict which split.

    Attributes:
        package: the sweep package's importable name.
        data: its data settings, as JSON.
        data_key: which prepared data.
        storage_uri: where data and checkpoints are.
        sweep: the sweep's name in the storage.
        trial: its number.
        epoch: of the checkpoint.
        params: the trial's parameters.
        split: "valid" or "test".
        stage: "final" for a trial of the final stage.
    """

    package: str
    data: Mapping[str, Any]  # the package's own settings, checked by its own model
    data_key: str
    storage_uri: str
    sweep: str
    trial: int
    epoch: int
    params: Params
    split: str
    stage: str | None = None


@dataclass(frozen=True, slots=True)
class Mistake:
    """A row that the model got wrong; `probability` is that of the label that it took, `text` the row's known words."""

    row: int
    target: str
    predicted: str
    probability: float
    text: str


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How right the model is; what it said of each row is in the storage."""

    rows: int
    correct: int
    loss: float


def evaluate(task: EvaluationTask) -> Evaluation:
    """Predict every row of a split; keep the predictions beside the trial and, of validation, the worst mistakes.

    Raises:
        DataError: the prepared data or the checkpoint is damaged.
    """
    import_keras()
    # here, not above: the driver, which hands the task out, never imports TensorFlow
    from sweepkit.data.tfrecords import read_shards
    from sweepkit.training import checkpoints, devices

    devices.configure_task()
    storage, paths = Storage.at(task.storage_uri), SweepPaths(task.sweep, task.stage).trial(task.trial)
    package = import_package(task.package)
    prepared = PreparedData.open(local_folder(DataPaths(task.package, task.data_key), storage))
    model = package.model_module().build(task.params, prepared)
    checkpoints.load_weights(storage, paths.checkpoint(task.epoch), model)
    reading = package.data_module().reading(task.params, package.data_model.model_validate(dict(task.data)))
    rows = read_shards(prepared.shards(task.split))
    found = Predictions(rows.targets, predictions.as_probabilities(predict_rows(model, rows, reading)))
    predictions.write(storage, paths.predictions(task.split), found)
    if task.split == "valid":  # nobody is to learn from the rows of another split
        storage.write_json(paths.mistakes, [asdict(mistake) for mistake in _mistakes(rows, found, prepared)])
    return Evaluation(len(rows), int(found.is_right.sum()), found.loss)


def predict_rows(model: Any, rows: Rows, reading: BatchSettings) -> NDArray[np.float32]:  # a Keras model, without types
    """Return the model's output for every row, in the order of the rows: <float32>[rows, outputs]."""
    # batches of similar length, as in training; this is the order in which `window_batches` hands them out
    order = np.argsort(np.minimum(rows.lengths, reading.max_len), kind="stable")
    wide = BatchSettings(batch_size=_BATCH, max_len=reading.max_len, keep=reading.keep)
    batches = window_batches(rows, np.arange(len(rows)), wide, None)
    parts = [
        model.predict_on_batch({"token_indexes": b.token_indexes, "sequence_length": b.sequence_length})
        for b in batches
    ]
    outputs = np.concatenate(parts)
    unsorted: NDArray[np.float32] = np.empty_like(outputs)
    unsorted[order] = outputs
    return unsorted


def _mistakes(rows: Rows, found: Predictions, prepared: PreparedData) -> Iterator[Mistake]:
    words, names = prepared.vocabulary().words, prepared.manifest.label_names
    taken = found.probabilities.argmax(axis=1)
    confidence = np.where(found.is_right, -1.0, found.probabilities.max(axis=1))
    for row in np.argsort(-confidence, kind="stable")[:_MOST_MISTAKES].tolist():
        if found.is_right[row]:
            return
        tokens = rows.tokens[rows.offsets[row] : rows.offsets[row + 1]]
        text = " ".join(words[index] for index in tokens.tolist()[:-1])  # all but the end token
        target, predicted = names[int(found.targets[row])], names[int(taken[row])]
        yield Mistake(row, target, predicted, float(confidence[row]), text)
