"""The baseline that a network has to beat: logistic regression on the TF-IDF of words and pairs of words.

Whole rows are read, however much of them the networks keep. Only the strength of regularisation is tuned, on
validation. Runs on a worker; the same data gives the same numbers. Try
`fit_linear(BaselineRequest(data, LinearBaseline.name, to="linear.parquet")).accuracy`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sweepkit.data.rows import Rows
from sweepkit.errors import DataError
from sweepkit.storage.layout import SweepPaths
from sweepkit.tasks.requests import BaselineRequest
from sweepkit.tasks.text import predictions
from sweepkit.tasks.text.dataset import PreparedTexts
from sweepkit.tasks.text.predictions import Predictions
from sweepkit.tasks.text.vocabulary import END
from sweepkit.training.opened import open_data

# inverse strengths of regularisation, strongest first: noisy labels need the first, long texts the last
_STRENGTHS = (1.0, 3.0, 10.0, 30.0, 100.0)
# a word or pair in a single row says nothing about other rows, and two thirds of all pairs are such
_LEAST_ROWS = 2
_MOST_ITERATIONS = 1_000


class LinearBaseline:
    """The baseline as the interface of tasks describes one."""

    name = "TF-IDF bigrams + logistic regression"

    def predictions(self, paths: SweepPaths) -> str:
        """Return the name of the file with its predictions for validation."""
        return paths.linear_predictions

    def fit(self, request: BaselineRequest) -> None:
        """Fit to train, predict validation, and store the predictions; see `fit_linear`."""
        fit_linear(request)


@dataclass(frozen=True, slots=True)
class LinearResult:
    """Results on validation: accuracy, mean log loss, the chosen strength `c`, and the number of features."""

    accuracy: float
    loss: float
    c: float
    n_features: int


def fit_linear(request: BaselineRequest) -> LinearResult:
    """Fit to train, predict validation, and store the predictions.

    Raises:
        DataError: the prepared data is damaged, or train is not enough to fit; see `fit`.
    """
    # here, not above: the driver imports this module, and never TensorFlow
    from sweepkit.data.tfrecords import read_shards

    data = open_data(request.data, PreparedTexts)
    prepared, storage = data.prepared, data.storage
    train, valid = read_shards(prepared.shards("train")), read_shards(prepared.shards("valid"))
    n_labels = len(prepared.manifest.label_names)
    result, predicted = fit(train, valid, n_labels=n_labels, where=str(prepared.folder))
    predictions.write(storage, request.to, predicted)
    return result


def fit(train: Rows, valid: Rows, *, n_labels: int, where: str = "") -> tuple[LinearResult, Predictions]:
    """Fit with each strength, and return the result that is most accurate on validation; of equals the strongest.

    Raises:
        DataError: train has rows of one label only, or no word that occurs in two rows; names `where`.
    """
    # here, not above: the driver imports this module to hand the task out, and scikit-learn takes a second
    from sklearn.feature_extraction.text import TfidfTransformer

    if len(np.unique(train.targets)) < 2:
        raise DataError("the linear baseline needs rows of two labels in train, all have the same", where=where)
    train_counts, keys = count_recurring(train)
    if not len(keys):
        raise DataError(f"the linear baseline needs words that occur in {_LEAST_ROWS} rows of train", where=where)
    weigh = TfidfTransformer(sublinear_tf=True).fit(train_counts)
    train_weights, valid_weights = weigh.transform(train_counts), weigh.transform(count(valid, keys))
    best: tuple[LinearResult, Predictions] | None = None
    for c in _STRENGTHS:
        predicted = Predictions(valid.targets, _probabilities(train_weights, train.targets, valid_weights, c, n_labels))
        if best is None or predicted.accuracy > best[0].accuracy:
            best = LinearResult(predicted.accuracy, predicted.loss, c, len(keys)), predicted
    assert best is not None, "at least one strength is tried"
    return best


def count_recurring(rows: Rows) -> tuple[Any, NDArray[np.int64]]:  # Any: a sparse matrix, and SciPy publishes no types
    """Count the words and pairs that occur in two rows at least.

    Returns:
        Counts [rows, features], sparse, and <int64>[features], the key of each feature, ascending.
    """
    from scipy.sparse import csr_matrix

    row, key = words_and_pairs(rows)
    keys, column = np.unique(key, return_inverse=True)
    counts = csr_matrix((np.ones(len(key)), (row, column)), shape=(len(rows), len(keys)))
    recurring = np.flatnonzero(np.bincount(counts.indices, minlength=len(keys)) >= _LEAST_ROWS)
    return counts[:, recurring], keys[recurring]


def count(rows: Rows, keys: NDArray[np.int64]) -> Any:  # a sparse matrix, and SciPy publishes no types
    """Count the words and pairs that have one of these keys, ascending: [rows, features], sparse."""
    from scipy.sparse import csr_matrix

    row, key = words_and_pairs(rows)
    column = np.minimum(np.searchsorted(keys, key), len(keys) - 1)
    has_column = keys[column] == key
    values = np.ones(int(has_column.sum()))
    return csr_matrix((values, (row[has_column], column[has_column])), shape=(len(rows), len(keys)))


def words_and_pairs(rows: Rows) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Return every word, then every pair of neighbours: the row that it is in, and its key.

    A word's key is its index; a pair's is the index of its first word times 2**32 plus that of its second. The two
    never coincide, because no word has index 0. The end token is not counted.
    """
    row = np.repeat(np.arange(len(rows), dtype=np.int32), rows.lengths)
    is_word = rows.tokens != END
    row, word = row[is_word], rows.tokens[is_word].astype(np.int64)
    together = row[1:] == row[:-1]
    pair = (word[:-1] << 32 | word[1:])[together]
    return np.concatenate([row, row[1:][together]]), np.concatenate([word, pair])


def _probabilities(
    train: Any,
    targets: NDArray[np.int32],
    valid: Any,
    c: float,
    n_labels: int,  # Any: sparse matrices, and SciPy publishes no types
) -> NDArray[np.float32]:
    from sklearn.linear_model import LogisticRegression
    from sklearn.multiclass import OneVsRestClassifier

    # the dual problem takes a tenth of the primal's time here; its order of rows is random, hence the seed
    one = LogisticRegression(C=c, solver="liblinear", dual=True, random_state=0, max_iter=_MOST_ITERATIONS)
    model = OneVsRestClassifier(one).fit(train, targets)  # with two labels, a single fit
    probabilities = np.zeros((valid.shape[0], n_labels), np.float32)
    probabilities[:, model.classes_] = model.predict_proba(valid)  # train may lack a label
    return probabilities
