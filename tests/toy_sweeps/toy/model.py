"""The toy's model: the mean of embeddings, dropout, one dense unit."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from sweepkit.nn.pooling import MeanOverTime
from sweepkit.space import Params
from sweepkit.tasks.text import PreparedTexts

GROWTH_GB = 1.5
SWELL_GB = 6
# in the second epoch: one has 8 steps of training and 1 of validation
LATE = 12
SLOW_S = 0.3
kept = []


def build(params: Params, prepared: PreparedTexts) -> keras.Model:
    fault = params["fault"]
    if fault == "build":
        raise ValueError("the toy cannot be built")
    if fault == "grow":
        kept.append(np.ones(int(GROWTH_GB * 1e9), np.uint8))
    tokens = keras.Input((None,), dtype="int32", name="token_indexes")
    lengths = keras.Input((), dtype="int32", name="sequence_length")
    x = keras.layers.Embedding(prepared.vocab_size, int(params["units"]))(tokens)
    if fault == "no_cudnn":
        x = keras.layers.LSTM(int(params["units"]), return_sequences=True, recurrent_dropout=0.5)(x)
    x = MeanOverTime()(x, lengths)
    x = keras.layers.Dropout(float(params["dropout"]))(x)
    if fault in ("train", "exit"):
        x = Dying(fault=str(fault))(x)
    if fault == "slow":
        x = Slow()(x)
    if fault.endswith(" once"):
        x = DyingOnce(fault.removesuffix(" once"), prepared.folder.parent / f"{fault}.txt")(x)
    output = keras.layers.Dense(1, activation="sigmoid")(x)
    model = keras.Model({"token_indexes": tokens, "sequence_length": lengths}, output)
    rate = float("nan") if fault == "nan" else float(params["learning_rate"])
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


class Slow(keras.layers.Layer):
    """Takes its time."""

    def call(self, inputs):
        outputs = tf.numpy_function(self._wait, [inputs], tf.float32)
        outputs.set_shape(inputs.shape)
        return outputs

    def _wait(self, inputs):
        time.sleep(SLOW_S)
        return inputs


class DyingOnce(keras.layers.Layer):
    """Dies in the second epoch, and never again once the file `memory` says that it has."""

    def __init__(self, fault: str, memory: Path) -> None:
        super().__init__()
        self.fault, self.memory = fault, memory
        self.n_calls = 0

    def call(self, inputs):
        outputs = tf.numpy_function(self._count, [inputs], tf.float32)
        outputs.set_shape(inputs.shape)
        return outputs

    def _count(self, inputs):
        self.n_calls += 1
        if self.n_calls >= LATE and not self.memory.exists():
            self.memory.write_text(f"{os.getpid()}\n")
            self._die()
        return inputs

    def _die(self):
        if self.fault == "exit":
            os._exit(3)
        if self.fault == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.fault == "swell":
            kept.append(np.ones(int(SWELL_GB * 1e9), np.uint8))
        if self.fault in ("hang", "swell"):
            time.sleep(3600)
        raise RuntimeError("the toy cannot be trained, this once")
