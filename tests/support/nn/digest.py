"""Train a small model and print a digest of its weights: run by a test in a process of its own."""

from __future__ import annotations

import hashlib
import sys

from tests.support.nn.models import CELLS, batch_of, model_of


def digest(cell: str) -> str:
    """Train on batches of differing shapes, dropping out, and digest all weights and moments."""
    import keras

    keras.utils.set_random_seed(1)
    model = model_of(cell, pooling="mean", dropout=0.3)
    for seed, shape in enumerate([(70, 5), (9, 40), (3, 2)]):
        model.train_on_batch(*batch_of(*shape, seed=seed))
    total = hashlib.sha256()
    for variable in [*model.variables, *model.optimizer.variables]:
        total.update(variable.numpy().tobytes())
    return total.hexdigest()


if __name__ == "__main__":
    import tensorflow as tf

    tf.config.experimental.enable_op_determinism()
    print(*map(digest, sys.argv[1:] or CELLS))
