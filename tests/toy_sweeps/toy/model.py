"""The toy's model: the mean of embeddings, dropout, one dense unit."""

from __future__ import annotations

import os

import keras
import tensorflow as tf

from sweepkit.data.prepared import Prepared
from sweepkit.nn.pooling import MeanOverTime
from sweepkit.space import Point


def build(point: Point, prepared: Prepared) -> keras.Model:
    fault = point["fault"]
    if fault == "build":
        raise ValueError("the toy cannot be built")
    tokens = keras.Input((None,), dtype="int32", name="token_indexes")
    lengths = keras.Input((), dtype="int32", name="sequence_length")
    x = keras.layers.Embedding(prepared.vocab_size, int(point["units"]))(tokens)
    if fault == "no_cudnn":
        x = keras.layers.LSTM(int(point["units"]), return_sequences=True, recurrent_dropout=0.5)(x)
    x = MeanOverTime()(x, lengths)
    x = keras.layers.Dropout(float(point["dropout"]))(x)
    if fault in ("train", "exit"):
        x = Dying(fault=str(fault))(x)
    output = keras.layers.Dense(1, activation="sigmoid")(x)
    model = keras.Model({"token_indexes": tokens, "sequence_length": lengths}, output)
    rate = float("nan") if fault == "nan" else float(point["learning_rate"])
    model.compile(optimizer=keras.optimizers.Adam(rate), loss="binary_crossentropy", metrics=["accuracy"])
    return model


class Dying(keras.layers.Layer):
    """Dies when it is run, not when it is built."""

    def __init__(self, fault: str) -> None:
        super().__init__()
        self.fault = fault

    def call(self, inputs):
        outputs = tf.numpy_function(self._die, [inputs], tf.float32)
        outputs.set_shape(inputs.shape)
        return outputs

    def _die(self, _):
        if self.fault == "exit":
            os._exit(3)
        raise RuntimeError("the toy cannot be trained")
