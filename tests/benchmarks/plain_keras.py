"""The baseline: what one writes without a framework, a loop over the grid in one process with all of the machine's
threads.

    python tests/benchmarks/plain_keras.py PREPARED_FOLDER GRID_JSON

Reads the same TFRecords as sweepkit, cut to the last `max_len` tokens, padded by `padded_batch`, masked by the
embedding.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path


def split(folder: Path, name: str, *, max_len: int, batch_size: int):
    import tensorflow as tf

    features = {
        "token_indexes": tf.io.RaggedFeature(tf.int64),
        "target": tf.io.FixedLenFeature([], tf.int64),
    }

    def parse(record):
        example = tf.io.parse_single_example(record, features)
        return tf.cast(example["token_indexes"][-max_len:], tf.int32), example["target"]

    files = sorted(str(path) for path in folder.glob(f"{name}-*.tfrecord"))
    rows = tf.data.TFRecordDataset(files).map(parse, num_parallel_calls=tf.data.AUTOTUNE).cache()
    if name == "train":
        rows = rows.shuffle(25_000, seed=0)
    return rows.padded_batch(batch_size).prefetch(2)


def train(params: dict, folder: Path, *, vocab_size: int, epochs: int):
    """Train one point of the grid and yield its logs after each epoch."""
    import keras

    keras.utils.set_random_seed(0)
    train_rows = split(folder, "train", max_len=params["max_len"], batch_size=128)
    valid_rows = split(folder, "valid", max_len=params["max_len"], batch_size=128)
    layer = {"lstm": keras.layers.LSTM, "gru": keras.layers.GRU}[params["cell"]]
    model = keras.Sequential(
        [
            keras.layers.Embedding(vocab_size, 100, mask_zero=True),
            layer(params["units"]),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile(optimizer=keras.optimizers.Adam(1e-3), loss="binary_crossentropy", metrics=["accuracy"])
    for epoch in range(epochs):
        history = model.fit(train_rows, validation_data=valid_rows, initial_epoch=epoch, epochs=epoch + 1, verbose=0)
        yield {name: values[-1] for name, values in history.history.items()}
    keras.backend.clear_session()


def main() -> None:
    folder, grid = Path(sys.argv[1]), json.loads(sys.argv[2])
    started = time.perf_counter()
    for params in grid["points"]:
        for logs in train(params, folder, vocab_size=grid["vocab_size"], epochs=grid["epochs"]):
            print(params, f"valid accuracy {logs['val_accuracy']:.4f} at {time.perf_counter() - started:.1f} s")


if __name__ == "__main__":
    main()
