"""A bundle's network in a file and in use: saved without what only training needs, loaded without running foreign code,
and asked in batches.

Knows indexes only; words are `reading`'s. Try
`probabilities(inference(load_network(path)), [np.array([4, 7, 2], np.int32)])`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

# imported for what they register: a saved network names the layers of these modules
from sweepkit.nn import embedding, encoder, pooling, recurrent, ugrnn
from sweepkit.tasks.text.predictions import as_probabilities

Infer = Callable[[NDArray[np.int32], NDArray[np.int32]], NDArray[np.float32]]
"""token_indexes <int32>[batch, time], sequence_length <int32>[batch] -> <float32>[batch, outputs]"""

_PACKAGE = "sweepkit>"  # what our layers are registered under
LAYER_MODULES = tuple(module.__name__ for module in (embedding, encoder, pooling, recurrent, ugrnn))
# rows are put into order of length within so many batches, so that hardly anything is padding
_WINDOW_BATCHES = 32


def save_network(network: keras.Model, path: Path) -> None:
    """Write a network with neither optimiser, loss nor metrics.

    Raises:
        ValueError: it cannot be rebuilt from its own configuration; what Keras says of it.
    """
    config = keras.saving.serialize_keras_object(network)
    config.pop("compile_config", None)
    bare = keras.saving.deserialize_keras_object(config, safe_mode=True)
    bare.set_weights(network.get_weights())
    bare.save(path)


def load_network(path: Path) -> keras.Model:
    """Read a network; nothing in the file is run or unpickled, and layers must be those of Keras or registered ones.

    Raises:
        Exception: what Keras raises for a file that it cannot load, of no one type.
    """
    return keras.saving.load_model(path, compile=False, safe_mode=True)


def reason(error: Exception) -> str:
    """Return what Keras says was wrong, without the configuration of the whole model around it."""
    innermost = str(error).rpartition("Exception encountered: ")[2]
    return innermost.partition("\n")[0].strip()[:300]


def own_layers(network: keras.Model) -> tuple[list[str], list[str]]:
    """Return the layers that plain Keras lacks: the names of sweepkit's, and of others."""
    names = sorted(set(_registered_names(keras.saving.serialize_keras_object(network))))
    ours = [name.removeprefix(_PACKAGE) for name in names if name.startswith(_PACKAGE)]
    return ours, [name for name in names if not name.startswith(_PACKAGE)]


def _registered_names(config: object) -> Iterator[str]:
    if isinstance(config, dict):
        module, name = config.get("module"), config.get("registered_name")
        # Keras sets the name for some of its own classes too
        if name and "class_name" in config and str(module).partition(".")[0] != "keras":
            yield str(name)
        for key, value in config.items():
            if key != "compile_config":
                yield from _registered_names(value)
    elif isinstance(config, list | tuple):
        for value in config:
            yield from _registered_names(value)


def inference(network: keras.Model) -> Infer:
    """Trace a network, once, for any number of rows of any length."""

    @tf.function  # type: ignore[untyped-decorator]  # TensorFlow's
    def run(token_indexes: Any, sequence_length: Any) -> Any:  # tensors, which have no types
        return network({"token_indexes": token_indexes, "sequence_length": sequence_length}, training=False)

    tokens, lengths = tf.TensorSpec((None, None), tf.int32), tf.TensorSpec((None,), tf.int32)
    # calls of `run` itself are counted over all networks of a process, and TensorFlow warns of the fifth
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
    """Ask for the probabilities of rows of at least one token each.

    Args:
        infer: of the network.
        rows: token indexes <int32>[time], of unequal lengths.
        batch_size: rows at a time; they are put together by length and padded on the right, which changes no result
            by more than the rounding of sums.
        progress: called with (rows done, rows).

    Returns:
        <float32>[rows, labels], in the order of the rows.
    """
    found: dict[int, NDArray[np.float32]] = {}
    for places in _batches(rows, batch_size):
        outputs = as_probabilities(infer(*_padded([rows[place] for place in places])))
        found.update(zip(places, outputs, strict=True))
        if progress:
            progress(len(found), len(rows))
    return np.stack([found[place] for place in range(len(rows))]) if rows else np.zeros((0, 0), np.float32)


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
