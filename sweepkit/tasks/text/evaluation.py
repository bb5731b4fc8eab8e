"""The evaluation of a trained trial on a whole split, with its predictions for every row. Runs on a worker.

Which split may be used, and how often, is decided by the final stage. Try
`evaluate(EvaluationRequest(checkpoint, "valid")).loss`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sweepkit.data.batches import BatchSettings, window_batches
from sweepkit.data.rows import Rows
from sweepkit.storage.layout import SweepPaths
from sweepkit.tasks.requests import Evaluation, EvaluationRequest
from sweepkit.tasks.text import predictions
from sweepkit.tasks.text.dataset import PreparedTexts
from sweepkit.tasks.text.predictions import Predictions
from sweepkit.training.opened import open_trained

_BATCH = 512
_MOST_MISTAKES = 40


@dataclass(frozen=True, slots=True)
class Mistake:
    """A misclassified row; `probability` is that of the predicted label, `text` the row as the vocabulary has it."""

    row: int
    target: str
    predicted: str
    probability: float
    text: str


def evaluate(request: EvaluationRequest) -> Evaluation:
    """Predict every row of a split; store the predictions with the trial and, of validation, the worst mistakes.

    Raises:
        DataError: the prepared data or the checkpoint is damaged.
    """
    # here, not above: reports import this module for its values, and never TensorFlow
    from sweepkit.data.tfrecords import read_shards

    checkpoint, split = request.checkpoint, request.split
    trained = open_trained(checkpoint, PreparedTexts)
    prepared, storage = trained.data.prepared, trained.data.storage
    rows = read_shards(prepared.shards(split))
    outputs = predict_rows(trained.model, rows, trained.batch_settings)
    predicted = Predictions(rows.targets, predictions.as_probabilities(outputs))
    paths = SweepPaths(checkpoint.sweep, checkpoint.stage).trial(checkpoint.trial)
    predictions.write(storage, paths.predictions(split), predicted)
    if split == "valid":  # rows of the test split stay unseen, so that no later model is adapted to them
        storage.write_json(paths.mistakes, [asdict(mistake) for mistake in _mistakes(rows, predicted, prepared)])
    return Evaluation(len(rows), int(predicted.is_right.sum()), predicted.loss)


def predict_rows(
    model: Any, rows: Rows, settings: BatchSettings
) -> NDArray[np.float32]:  # a Keras model, without types
    """Return the model's output for every row, in the order of the rows: <float32>[rows, outputs]."""
    # the order in which `window_batches` yields the rows: by length, so that batches have little padding
    order = np.argsort(np.minimum(rows.lengths, settings.max_len), kind="stable")
    wide = BatchSettings(batch_size=_BATCH, max_len=settings.max_len, keep=settings.keep)
    batches = window_batches(rows, np.arange(len(rows)), wide, None)
    parts = [
        model.predict_on_batch({"token_indexes": b.token_indexes, "sequence_length": b.sequence_length})
        for b in batches
    ]
    outputs = np.concatenate(parts)
    unsorted: NDArray[np.float32] = np.empty_like(outputs)
    unsorted[order] = outputs
    return unsorted


def _mistakes(rows: Rows, predicted: Predictions, prepared: PreparedTexts) -> Iterator[Mistake]:
    words, names = prepared.vocabulary().words, prepared.manifest.label_names
    labels = predicted.probabilities.argmax(axis=1)
    confidence = np.where(predicted.is_right, -1.0, predicted.probabilities.max(axis=1))
    for row in np.argsort(-confidence, kind="stable")[:_MOST_MISTAKES].tolist():
        if predicted.is_right[row]:
            return
        tokens = rows.tokens[rows.offsets[row] : rows.offsets[row + 1]]
        text = " ".join(words[index] for index in tokens.tolist()[:-1])  # all but the end token
        target, label = names[int(predicted.targets[row])], names[int(labels[row])]
        yield Mistake(row, target, label, float(confidence[row]), text)
