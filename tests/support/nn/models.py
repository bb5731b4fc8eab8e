"""Small models of whole encoders, as several tests of this folder train, save and load them."""

from __future__ import annotations

from typing import Any

import numpy as np

VOCAB = 20
CELLS = ("lstm", "gru", "rnn", "ugrnn")


def model_of(cell: str, *, path: str = "auto", units: int = 3, seed: int = 0, **encoder: Any) -> Any:
    """Build and compile tokens -> embedding -> encoder -> probability on one of the paths."""
    import keras

    from sweepkit.nn import implementation
    from sweepkit.nn.embedding import TokenEmbedding
    from sweepkit.nn.encoder import Encoder, encode, look_up
    from sweepkit.nn.optimizers import Adam

    keras.utils.set_random_seed(seed)
    with implementation.using(path):  # type: ignore[arg-type]
        tokens = keras.Input((None,), dtype="int32", name="token_indexes")
        lengths = keras.Input((), dtype="int32", name="sequence_length")
        sequences, places = look_up(tokens, TokenEmbedding(VOCAB, 4, name="embedding"))
        features = encode(sequences, lengths, Encoder(cell, units, **encoder), places)
        probability = keras.layers.Dense(1, activation="sigmoid", name="positive")(features)
        model = keras.Model({"token_indexes": tokens, "sequence_length": lengths}, probability)
        model.compile(Adam(0.01), "binary_crossentropy", jit_compile=False)
        model.optimizer.build(model.trainable_variables)
    return model


def batch_of(n_rows: int, time: int, seed: int = 0) -> tuple[dict[str, Any], Any]:
    """Draw right-padded rows of 1 to `time` tokens, and targets."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, time + 1, n_rows).astype(np.int32)
    tokens = np.where(np.arange(time) < lengths[:, None], rng.integers(1, VOCAB, (n_rows, time)), 0)
    rows = {"token_indexes": tokens.astype(np.int32), "sequence_length": lengths}
    return rows, (np.arange(n_rows) % 2).astype(np.int32)
