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
        x = keras.layers.Lambda(lambda value: tf.numpy_function(_die(str(fault)), [value], tf.float32))(x)
        x = keras.ops.reshape(x, (-1, int(point["units"])))
    output = keras.layers.Dense(1, activation="sigmoid")(x)
    model = keras.Model({"token_indexes": tokens, "sequence_length": lengths}, output)
    rate = float("nan") if fault == "nan" else float(point["learning_rate"])
    model.compile(optimizer=keras.optimizers.Adam(rate), loss="binary_crossentropy", metrics=["accuracy"])
    return model


def _die(fault: str):  # what is given to numpy_function
    def die(value):
        if fault == "exit":
            os._exit(3)
        raise RuntimeError("the toy cannot be trained")

    return die
