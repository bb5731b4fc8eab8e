"""A network's probabilities for rows of token indexes, in batches of similar length.

Words become indexes in `classifier`. Try
`probabilities(inference(load_network(path)), [np.array([4, 7, 2], np.int32)])`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from sweepkit.tasks.text.predictions import as_probabilities

Infer = Callable[[NDArray[np.int32], NDArray[np.int32]], NDArray[np.float32]]
"""token_indexes <int32>[batch, time], sequence_length <int32>[batch] -> <float32>[batch, outputs]"""

# rows are sorted by length within windows of this many batches, so that little is padding
_WINDOW_BATCHES = 32


def inference(network: keras.Model) -> Infer:
    """Trace a network, once, for any number of rows of any length."""

    @tf.function  # type: ignore[untyped-decorator]  # TensorFlow's
    def run(token_indexes: Any, sequence_length: Any) -> Any:  # tensors, which have no types
        return network({"token_indexes": token_indexes, "sequence_length": sequence_length}, training=False)

    tokens, lengths = tf.TensorSpec((None, None), tf.int32), tf.TensorSpec((None,), tf.int32)
    # TensorFlow counts the traces of `run` over all networks of a process, and warns at the fifth
    traced = run.get_concrete_function(tokens, lengths)

    def infer(token_indexes: NDArray[np.int32], sequence_length: NDArray[np.int32]) -> NDArray[np.float32]:
        return np.asarray(traced(tf.constant(token_indexes), tf.constant(sequence_length)), np.float32)

    return infer


def probabilities(
    infer: Infer,
    rows: Sequence[NDArray[np.int32]],
    *,
    batch_size: int = 256,
    progress: Callable[[int, int], None] | None = None,
) -> NDArray[np.float32]:
    """Return the probabilities of rows of at least one token each.

    Args:
        infer: of the network.
        rows: token indexes <int32>[time], of unequal lengths.
        batch_size: rows in a batch; they are sorted by length and padded on the right, which changes no result by
            more than the rounding of sums.
        progress: called with (rows done, rows).

    Returns:
        <float32>[rows, labels], in the order of the rows.
    """
    outputs: dict[int, NDArray[np.float32]] = {}
    for places in _batches(rows, batch_size):
        batch = as_probabilities(infer(*_padded([rows[place] for place in places])))
        outputs.update(zip(places, batch, strict=True))
        if progress:
            progress(len(outputs), len(rows))
    return np.stack([outputs[place] for place in range(len(rows))]) if rows else np.zeros((0, 0), np.float32)


def _batches(rows: Sequence[NDArray[np.int32]], batch_size: int) -> Iterator[list[int]]:
    window = _WINDOW_BATCHES * batch_size
    for start in range(0, len(rows), window):
        places = sorted(range(start, min(start + window, len(rows))), key=lambda place: len(rows[place]))
        for first in range(0, len(places), batch_size):
            yield places[first : first + batch_size]


def _padded(rows: Sequence[NDArray[np.int32]]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    lengths = np.array([len(row) for row in rows], np.int32)
    token_indexes = np.zeros((len(rows), int(lengths.max())), np.int32)
    for i, row in enumerate(rows):
        token_indexes[i, : len(row)] = row
    return token_indexes, lengths
