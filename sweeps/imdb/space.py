"""The search space of film reviews, the settings of their data, and the cost of an epoch.

Imports neither TensorFlow nor NumPy, so that `validate` and `plan` are instant. `SPACE` has
everything that a sweep may vary; a sweep's YAML narrows it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from sweepkit.config import DataSettings
from sweepkit.space import Choice, Float, Int, Params, Space

RECURRENT = ("lstm", "gru", "ugrnn", "rnn")
IS_RECURRENT = {"cell": RECURRENT}

SPACE = Space(
    {
        # none: the mean of the embeddings, the baseline that a recurrent net has to beat
        "cell": Choice((*RECURRENT, "none")),
        "units": Int(8, 512, step=8, when=IS_RECURRENT),
        "layers": Int(1, 3, when=IS_RECURRENT),
        "bidirectional": Choice((False, True), when=IS_RECURRENT),
        "pooling": Choice(("last", "mean", "max"), when=IS_RECURRENT),
        "dropout": Float(0.0, 0.7),
        "embedding": Choice(("scratch", "glove", "glove_frozen")),
        "embedding_dim": Int(16, 256, step=8, when={"embedding": ("scratch",)}),
        "glove_dim": Choice((50, 100), when={"embedding": ("glove", "glove_frozen")}),
        "max_len": Int(20, 1000, step=20),
        "optimizer": Choice(("adam", "rmsprop", "nadam")),
        "learning_rate": Float(1e-5, 1e-1, log=True),
        "batch_size": Int(16, 512, step=16),
        "clip": Choice((False, True)),
        "clip_norm": Float(0.1, 10.0, log=True, when={"clip": (True,)}),
    }
)

MEAN_TOKENS = 273.0  # of a review as published, measured over all 50,000
_SAMPLE_ROWS = 5_000
_PUBLISHED_ROWS = 25_000

_GATES = {"lstm": 4, "gru": 3, "ugrnn": 2, "rnn": 1, "none": 0}
# What a time step of a batch of 128 costs beside its matrix products, in operations of those: what is left of 36, 29,
# 23 and 15 ms for 80 steps of 64 units (tests/benchmarks/train_step.py, one thread of a 2-core AMD EPYC).
_OPERATIONS_PER_TIME_STEP = {"lstm": 9e6, "gru": 8e6, "ugrnn": 7e6, "rnn": 5.5e6, "none": 0.0}
# the first layer multiplies each distinct word of a batch once
_DISTINCT = 0.2
_LARGEST_VOCABULARY = 20_000
# Updating one embedding weight is a dozen operations, but waits for memory: 2 to 4 ms for 20,000 x 100 of them, in
# which a thread could do this many operations of a small net's matrix products for each.
_OPERATIONS_PER_EMBEDDING_WEIGHT = 60


class Data(DataSettings):
    """Settings of the data besides `source`, `seed` and `valid_fraction`.

    Attributes:
        vocab_size: the most words that the vocabulary keeps, by frequency in train.
        min_frequency: words that are rarer than this in train are unknown.
        lower: whether texts are lower-cased.
        keep: which end of a review is read when it is longer than `max_len`; conclusions come at the end.
        vectors: file of GloVe vectors (the official .zip, or a .txt); None looks beside the source, in the
            user's cache and at the official address.
    """

    vocab_size: int = Field(default=20_000, ge=10, le=1_000_000)
    min_frequency: int = Field(default=5, ge=1)
    lower: bool = True
    keep: Literal["tail", "head"] = "tail"
    vectors: str | None = Field(default=None, min_length=1)


def baselines(params: Params) -> dict[str, Params]:
    """Return what a recurrent net has to beat: the same embeddings and training, with their mean in the net's place."""
    kept = {name: value for name, value in params.items() if SPACE.parameters[name].when != IS_RECURRENT}
    return {} if params["cell"] == "none" else {"mean of embeddings": {**kept, "cell": "none"}}


def n_rows(settings: DataSettings) -> int | None:
    """Return how many rows train has before validation is carved; None if only reading the data shows it."""
    if settings.source == "sample":
        return _SAMPLE_ROWS
    is_table = settings.source is not None and Path(settings.source).suffix in (".parquet", ".csv")
    return None if is_table else _PUBLISHED_ROWS


def epoch_gflop(params: Params, n_rows: float, mean_tokens: float) -> float:
    """Estimate the cost of one epoch of training, in 1e9 floating point operations.

    Training takes three times the forward pass: once forward, and backward once for the inputs' gradients and
    once for the weights'. The forward pass of one token in one direction of one layer is its input (`inputs`
    wide) and its last state (`units` wide) times the gates' weights, at two operations for each weight:

        forward = 2 * (inputs + units) * gates * units

    The lowest layer's inputs are words, of which a fifth in a batch are distinct. What a time step costs besides does
    not depend on the width, and is counted as operations too.
    """
    width = int(params.get("embedding_dim", params.get("glove_dim", 0)))
    units, directions = int(params.get("units", 0)), 2 if params.get("bidirectional") else 1
    cell = str(params["cell"])
    gates = _GATES[cell]
    forward, loops, inputs = 0.0, 0, _DISTINCT * width
    for _ in range(int(params.get("layers", 0))):
        forward += directions * 2 * (inputs + units) * gates * units
        loops += directions
        inputs = directions * units
    steps = n_rows / float(params["batch_size"])
    length = min(mean_tokens, float(params["max_len"]))
    recurrent = 3 * forward * n_rows * length + loops * _OPERATIONS_PER_TIME_STEP[cell] * steps * length
    trained = 0 if params["embedding"] == "glove_frozen" else _LARGEST_VOCABULARY * width
    return (recurrent + _OPERATIONS_PER_EMBEDDING_WEIGHT * trained * steps) / 1e9
