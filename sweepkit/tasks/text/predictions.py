"""The predictions of a model for every row of a split, stored so that models can be compared row by row.

A Parquet file with the columns `row` (place in the split, as its shards order it), `target` and `probabilities`. Try
`read(storage, paths.predictions("valid")).accuracy`.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sweepkit.errors import DataError
from sweepkit.storage.storage import Storage

Right = NDArray[np.bool_]  # <bool>[rows]


@dataclass(frozen=True)
class Predictions:
    """Rows in the order of the split's shards.

    Attributes:
        targets: <int32>[rows].
        probabilities: <float32>[rows, labels], each row adding up to 1.
    """

    targets: NDArray[np.int32]
    probabilities: NDArray[np.float32]

    @property
    def is_right(self) -> Right:
        """<bool>[rows]: whether the most probable label is the target; of two equal ones, the first counts."""
        right: Right = self.probabilities.argmax(axis=1) == self.targets
        return right

    @property
    def accuracy(self) -> float:
        return float(self.is_right.mean())

    @property
    def loss(self) -> float:
        """Mean log loss in nats; probabilities are clipped at 1e-7, as in Keras."""
        of_target = self.probabilities[np.arange(len(self.targets)), self.targets]
        return float(-np.log(np.clip(of_target.astype(np.float64), 1e-7, 1.0)).mean())

    @property
    def metrics(self) -> Mapping[str, float]:
        return {"accuracy": self.accuracy, "loss": self.loss}


def as_probabilities(outputs: NDArray[np.float32]) -> NDArray[np.float32]:
    """Turn a model's outputs, <float32>[rows, 1] or [rows, labels], into <float32>[rows, labels]."""
    if outputs.shape[1] > 1:
        return outputs
    return np.concatenate([1 - outputs, outputs], axis=1)


def write(storage: Storage, name: str, predictions: Predictions) -> None:
    """Write a Parquet file, whole or not at all."""
    rows, labels = predictions.probabilities.shape
    flat = pa.array(predictions.probabilities.astype(np.float32).ravel())
    table = pa.table(
        {
            "row": pa.array(np.arange(rows, dtype=np.int32)),
            "target": pa.array(predictions.targets.astype(np.int32)),
            "probabilities": pa.FixedSizeListArray.from_arrays(flat, labels),
        }
    )
    content = io.BytesIO()
    pq.write_table(table, content)
    storage.write(name, content.getvalue())


def read(storage: Storage, name: str) -> Predictions:
    """Read what `write` wrote; a missing file is FileNotFoundError.

    Raises:
        DataError: the file is damaged, or is not one of predictions.
    """
    content = storage.read(name)
    try:
        return _parse(pq.read_table(io.BytesIO(content)))
    except (pa.ArrowException, KeyError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        raise DataError(f"predictions can't be read: {reason}", where=f"{storage.shown}/{name}") from None


def _parse(table: pa.Table) -> Predictions:
    targets, probabilities = table["target"], table["probabilities"]
    if not (pa.types.is_int32(targets.type) and pa.types.is_fixed_size_list(probabilities.type)):
        raise ValueError(f"target and probabilities are {targets.type} and {probabilities.type}")
    # all values in one array: 25,000 rows take 5 ms, and 100 ms as lists of Python
    flat = pc.list_flatten(probabilities).to_numpy()
    return Predictions(targets.to_numpy(), flat.reshape(table.num_rows, probabilities.type.list_size))
