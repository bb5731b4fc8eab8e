"""The Keras model of a trial, built from its parameters and compiled.

The model reads right-padded rows and their lengths and returns the probability of the positive label:

    {"token_indexes": <int32>[batch, time], "sequence_length": <int32>[batch]} -> <float32>[batch, 1]

No Keras mask is used; the padding after a row's end changes nothing (sweepkit.nn). Initial weights and dropout are
determined by `keras.utils.set_random_seed`, which the caller of `build` calls first.
"""

from __future__ import annotations

from typing import Any, Protocol  # Keras types neither layers nor tensors

import keras
import numpy as np
from numpy.typing import NDArray

from sweepkit.nn.embedding import TokenEmbedding
from sweepkit.nn.encoder import Encoder, encode, look_up
from sweepkit.nn.optimizers import Adam
from sweepkit.nn.pooling import MeanOverTime
from sweepkit.space import Params

OPTIMIZERS: dict[str, Any] = {
    "adam": Adam,
    "nadam": keras.optimizers.Nadam,
    "rmsprop": keras.optimizers.RMSprop,
}


class PreparedData(Protocol):
    """What a model needs of the prepared data."""

    @property
    def vocab_size(self) -> int:
        """Rows of an embedding; all token indexes are below it."""
        ...

    def vectors(self, dim: int) -> NDArray[np.float32]:
        """Return published vectors of the vocabulary: <float32>[vocab, dim]."""
        ...


def build(params: Params, prepared: PreparedData) -> keras.Model:
    """Build and compile the model of one trial.

    Args:
        params: the active parameters of `space.SPACE`; parameters of other cells and embeddings are not read.
        prepared: has the size of the vocabulary and, for `glove` and `glove_frozen`, the vectors.
    """
    tokens = keras.Input((None,), dtype="int32", name="token_indexes")
    lengths = keras.Input((), dtype="int32", name="sequence_length")
    features = _features(tokens, lengths, _embedding(params, prepared), params)
    positive = keras.layers.Dense(1, activation="sigmoid", name="positive")(features)
    model = keras.Model({"token_indexes": tokens, "sequence_length": lengths}, positive)
    # "auto" has XLA compile the cells without a cuDNN kernel on a GPU, anew for each length of a batch
    model.compile(
        _optimizer(params),
        "binary_crossentropy",
        metrics=[keras.metrics.BinaryAccuracy(name="accuracy")],
        jit_compile=False,
    )
    # a training step that makes variables is traced twice: 0.6 s more a trial with one LSTM, 1.2 s with two
    model.optimizer.build(model.trainable_variables)
    return model


def _embedding(params: Params, prepared: PreparedData) -> keras.layers.Layer:
    if params["embedding"] == "scratch":
        return TokenEmbedding(prepared.vocab_size, int(params["embedding_dim"]), name="embedding")
    vectors = prepared.vectors(int(params["glove_dim"]))
    layer = TokenEmbedding(*vectors.shape, embeddings_initializer="zeros", name="embedding")
    # assigned, since an initialiser would be written into each saved model's configuration
    layer.build()
    layer.set_weights([vectors])
    layer.trainable = params["embedding"] == "glove"
    return layer


def _features(tokens: Any, lengths: Any, embedding: keras.layers.Layer, params: Params) -> Any:
    """Return one vector for each row: <float32>[batch, features]."""
    dropout = float(params["dropout"])
    if params["cell"] == "none":
        mean = MeanOverTime(name="pooled_mean")(embedding(tokens), lengths)
        return keras.layers.Dropout(dropout)(mean) if dropout else mean
    encoder = Encoder(
        cell=str(params["cell"]),
        units=int(params["units"]),
        layers=int(params["layers"]),
        bidirectional=bool(params["bidirectional"]),
        pooling=str(params["pooling"]),
        dropout=dropout,
    )
    sequences, places = look_up(tokens, embedding)
    return encode(sequences, lengths, encoder, places)


def _optimizer(params: Params) -> keras.optimizers.Optimizer:
    """Return the optimiser by its name; `clip_norm`, if present, bounds the norm of all gradients together."""
    clip_norm = float(params["clip_norm"]) if "clip_norm" in params else None
    optimizer = OPTIMIZERS[str(params["optimizer"])]
    return optimizer(learning_rate=float(params["learning_rate"]), global_clipnorm=clip_norm)
