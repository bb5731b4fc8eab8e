"""Time of one training step: sweepkit's layers against stock Keras as people run it, and against stock Keras under XLA.

    python tests/benchmarks/train_step.py [--cells lstm gru rnn ugrnn] [--units 64] [--threads 1] [--data PATH]

Batches of 128 real reviews, embedding 100 wide, binary cross-entropy, Adam: forward, backward and update. `T 80 full`
are rows of at least 80 tokens cut to their last 80; `T 400` are rows of all lengths, cut at 400 and padded. Variants
take the same batches in turn in one process; ratios are of medians, those of minima beside them. Compiling is not in
them: it is in the time of the first batches, the last column.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "sweeps")]

BATCH, DIM, N_BATCHES = 128, 100, 4
SHAPES = {"T 80 full": (80, True), "T 400": (400, False)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", nargs="+", default=["lstm", "gru", "rnn", "ugrnn"])
    parser.add_argument("--units", type=int, default=64)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--data", default="sample", help="as of `run`")
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--no-jit", action="store_true", help="leave out stock Keras under XLA, which compiles long")
    parser.add_argument("--shapes", nargs="+", default=list(SHAPES), choices=list(SHAPES))
    options = parser.parse_args()
    from sweepkit.training import devices

    devices.configure(threads=options.threads, gpu=0, deterministic=False)
    reader, rows, vocab_size = read(options.data)
    print_pipeline(reader)
    for cell in options.cells:
        for shape in options.shapes:
            compare(cell, shape, rows, vocab_size, options)


def read(data: str):
    """Return the reader of the training rows, the rows themselves, and the size of their vocabulary."""
    from sweepkit.data.reader import SplitReader
    from sweepkit.data.tfrecords import read_shards
    from sweepkit.tasks.text.dataset import PreparedTexts

    with tempfile.TemporaryDirectory(prefix="sweepkit-bench-") as scratch:
        import subprocess

        yaml = ROOT / "sweeps" / "imdb_cells.yaml"
        command = [sys.executable, "-m", "sweepkit", "prepare", str(yaml), "--data", data]
        subprocess.run([*command, "--set", f"storage.uri={scratch}"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        prepared = PreparedTexts.open(next((Path(scratch) / "data").iterdir()))
        reader = SplitReader(prepared, "train")
        reader.preload()
        return reader, read_shards(prepared.shards("train")), prepared.vocab_size


def print_pipeline(reader) -> None:
    """Say what a batch costs where nothing trains on it, the start of its epoch included.

    They are read as a training step reads them, inside of a graph; in a sweep that goes on beside the step before.
    """
    import tensorflow as tf

    from sweepkit.data.batches import BatchSettings
    from sweepkit.data.reader import EpochDataset

    @tf.function
    def n_rows(batches, n_batches):
        total = 0
        for _ in tf.range(n_batches):
            total += tf.size(batches.get_next()[1])
        return total

    for max_len in (80, 400):
        reading = BatchSettings(BATCH, max_len)
        n_batches, seconds = tf.constant(reader.n_batches(reading)), []
        feed = EpochDataset(reader, reading, training=True)
        for epoch in range(9):  # the first also traces
            started = time.perf_counter()
            batches = iter(feed.epoch(epoch))
            assert int(n_rows(batches, n_batches)) == reader.n_rows
            seconds.append((time.perf_counter() - started) / int(n_batches))
        print(
            f"input pipeline, at most {max_len} tokens: {statistics.median(seconds) * 1e3:.2f} ms a batch", flush=True
        )


def compare(cell: str, shape: str, rows, vocab_size: int, options) -> None:
    batches = draw(rows, *SHAPES[shape])
    steps = {"stock": stock(cell, options.units, vocab_size, jit=False)}
    if not options.no_jit:
        steps["stock, XLA"] = stock(cell, options.units, vocab_size, jit=True)
    steps["sweepkit"] = sweepkit(cell, options.units, vocab_size)
    first = {}
    for name, step in steps.items():
        started = time.perf_counter()
        for batch in batches:
            step(*batch)
        first[name] = time.perf_counter() - started
    seconds = {name: [] for name in steps}
    for _ in range(options.rounds):
        for batch in batches:
            for name, step in steps.items():
                started = time.perf_counter()
                float(step(*batch))
                seconds[name].append(time.perf_counter() - started)
    ours = seconds["sweepkit"]
    for name, values in seconds.items():
        ratio = f"{statistics.median(values) / statistics.median(ours):5.2f}x  (minima {min(values) / min(ours):4.2f}x)"
        print(
            f"{cell:6} {options.units:4} {shape:10} {name:11} median {statistics.median(values) * 1e3:7.1f} ms  "
            f"min {min(values) * 1e3:7.1f} ms  {ratio}  first {N_BATCHES} batches {first[name]:5.1f} s",
            flush=True,
        )


def draw(rows, time_steps: int, full: bool):
    import numpy as np
    import tensorflow as tf

    generator = np.random.default_rng(1)
    lengths = np.diff(rows.offsets)
    choice = np.flatnonzero(lengths >= (time_steps if full else 1))
    batches = []
    for _ in range(N_BATCHES):
        places = generator.choice(choice, BATCH, replace=False)
        kept = np.minimum(lengths[places], time_steps).astype(np.int32)
        tokens = np.zeros((BATCH, time_steps), np.int32)
        for row, place, length in zip(tokens, places, kept, strict=True):
            row[:length] = rows.tokens[rows.offsets[place + 1] - length : rows.offsets[place + 1]]
        targets = rows.targets[places].astype(np.float32)[:, None]
        batches.append((tf.constant(tokens), tf.constant(kept), tf.constant(targets)))
    return batches


def stock(cell: str, units: int, vocab_size: int, *, jit: bool):
    """As people write it: a masked embedding, the layer's last state, Keras' own optimiser."""
    import keras

    from sweepkit.nn.ugrnn import UGRNNCell

    layers = {"lstm": keras.layers.LSTM, "gru": keras.layers.GRU, "rnn": keras.layers.SimpleRNN}
    layer = keras.layers.RNN(UGRNNCell(units)) if cell == "ugrnn" else layers[cell](units)
    embedding = keras.layers.Embedding(vocab_size, DIM, mask_zero=True)
    model = keras.Sequential([embedding, layer, keras.layers.Dense(1, activation="sigmoid")])
    model.build((None, None))
    return train_step(lambda tokens, _: model(tokens, training=True), model, keras.optimizers.Adam(1e-3), jit=jit)


def sweepkit(cell: str, units: int, vocab_size: int):
    from imdb.model import build

    class Data:
        def vectors(self, dim: int):
            raise NotImplementedError

    Data.vocab_size = vocab_size
    params = {"cell": cell, "units": units, "layers": 1, "bidirectional": False, "pooling": "last", "dropout": 0.0}
    params |= {"embedding": "scratch", "embedding_dim": DIM, "optimizer": "adam", "learning_rate": 1e-3}
    model = build(params, Data())

    def call(tokens, lengths):
        return model({"token_indexes": tokens, "sequence_length": lengths}, training=True)

    return train_step(call, model, model.optimizer, jit=False)


def train_step(call, model, optimizer, *, jit: bool):
    import keras
    import tensorflow as tf

    optimizer.build(model.trainable_variables)
    loss_of = keras.losses.BinaryCrossentropy()
    tokens, lengths = tf.TensorSpec((None, None), tf.int32), tf.TensorSpec((None,), tf.int32)

    @tf.function(jit_compile=jit, autograph=False, input_signature=[tokens, lengths, tf.TensorSpec((None, 1))])
    def step(tokens, lengths, targets):
        with tf.GradientTape() as tape:
            loss = loss_of(targets, call(tokens, lengths))
        optimizer.apply(tape.gradient(loss, model.trainable_variables))
        return loss

    return step


if __name__ == "__main__":
    main()
