import json
import zipfile

import numpy as np
import pytest

pytestmark = [
    pytest.mark.tf,
    # Keras 3.15 writes .keras files through an older form of NumPy's __array__
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"),
]

VOCAB = 12
TRAINED = {"optimizer": "adam", "learning_rate": 0.02, "dropout": 0.0}
SCRATCH = {"embedding": "scratch", "embedding_dim": 6}
MEAN = {"cell": "none", **SCRATCH, **TRAINED}
RECURRENT = {
    **SCRATCH,
    **TRAINED,
    "cell": "gru",
    "units": 4,
    "layers": 1,
    "bidirectional": False,
    "pooling": "last",
}


class PreparedData:
    """A vocabulary of twelve words whose published vectors are easy to recognise."""

    vocab_size = VOCAB

    def vectors(self, dim):
        table = np.tile(np.arange(VOCAB, dtype=np.float32)[:, None] / VOCAB, (1, dim))
        return table.astype(np.float32)


def build(params, seed=0):
    import keras
    from imdb import model

    keras.utils.set_random_seed(seed)
    return model.build(params, PreparedData())


@pytest.fixture(scope="module")
def batch():
    """48 right-padded rows of 1 to 7 words; positive where word 3 stands among them, negative where word 4 does."""
    rng = np.random.default_rng(8)
    lengths = rng.integers(1, 8, 48).astype(np.int32)
    targets = (np.arange(48) % 2).astype(np.int32)
    tokens = np.where(np.arange(7) < lengths[:, None], rng.integers(5, VOCAB, (48, 7)), 0).astype(np.int32)
    tokens[np.arange(48), rng.integers(0, lengths)] = np.where(targets == 1, 3, 4)
    return {"token_indexes": tokens, "sequence_length": lengths}, targets


def table_of(model):
    return model.get_layer("embedding").get_weights()[0]


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn", "ugrnn", "none"])
def test_every_cell_gives_a_probability_a_row_and_learns_to_tell_the_classes(cell, batch):
    model = build({**RECURRENT, "cell": cell} if cell != "none" else MEAN)
    probabilities = model.predict_on_batch(batch[0])
    assert (probabilities.shape, probabilities.dtype) == ((48, 1), np.float32)
    assert ((probabilities > 0) & (probabilities < 1)).all()
    before = model.test_on_batch(*batch, return_dict=True)
    for _ in range(50):
        model.train_on_batch(*batch)
    model.reset_metrics()
    after = model.test_on_batch(*batch, return_dict=True)
    assert after["loss"] < 0.5 * before["loss"]
    assert after["accuracy"] > 0.9


def test_accuracy_is_the_fraction_of_rows_on_the_right_side_of_one_half(batch):
    model = build(RECURRENT)
    seen = model.test_on_batch(*batch, return_dict=True)["accuracy"]
    assert seen == pytest.approx(np.mean((model.predict_on_batch(batch[0])[:, 0] > 0.5) == (batch[1] == 1)))


def test_the_baseline_is_the_mean_of_the_embeddings_of_a_rows_own_words(batch):
    model = build(MEAN)
    rows, (weights, bias) = batch[0], model.get_layer("positive").get_weights()
    means = [
        table_of(model)[tokens[:length]].mean(axis=0)
        for tokens, length in zip(rows["token_indexes"], rows["sequence_length"], strict=True)
    ]
    expected = 1 / (1 + np.exp(-(np.array(means) @ weights + bias)))
    np.testing.assert_allclose(model.predict_on_batch(rows), expected, rtol=1e-5)


def test_published_vectors_stand_in_the_embedding_and_are_fine_tuned(batch):
    model = build({**MEAN, "embedding": "glove", "glove_dim": 5})
    np.testing.assert_array_equal(table_of(model), PreparedData().vectors(5))
    model.train_on_batch(*batch)
    assert (table_of(model)[3:] != PreparedData().vectors(5)[3:]).any()


def test_frozen_vectors_do_not_change(batch):
    model = build({**RECURRENT, "embedding": "glove_frozen", "glove_dim": 5})
    head = model.get_layer("positive").get_weights()[0]
    model.train_on_batch(*batch)
    np.testing.assert_array_equal(table_of(model), PreparedData().vectors(5))
    assert (model.get_layer("positive").get_weights()[0] != head).any()


def test_the_padding_words_vector_does_not_change(batch):
    model = build(RECURRENT)
    before = table_of(model)[0]
    for _ in range(3):
        model.train_on_batch(*batch)
    np.testing.assert_array_equal(table_of(model)[0], before)


POINTS = {
    "mean": MEAN,
    "bidirectional": {**RECURRENT, "cell": "ugrnn", "bidirectional": True, "pooling": "max", "dropout": 0.3},
    "stack": {**RECURRENT, "cell": "lstm", "layers": 2, "pooling": "mean", "dropout": 0.3, "clip_norm": 1.0},
    "frozen": {**RECURRENT, "embedding": "glove_frozen", "glove_dim": 5},
}


@pytest.mark.parametrize("params", POINTS.values(), ids=POINTS)
def test_a_saved_model_comes_back_whole(params, batch, tmp_path):
    import keras

    model = build(params)
    model.train_on_batch(*batch)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.predict_on_batch(batch[0]), model.predict_on_batch(batch[0]))
    for seen, expected in zip(loaded.optimizer.variables, model.optimizer.variables, strict=True):
        np.testing.assert_array_equal(seen.numpy(), expected.numpy())
    assert len(loaded.trainable_variables) == len(model.trainable_variables)


def test_the_vectors_are_in_the_weights_of_a_saved_model_and_not_in_its_configuration(tmp_path):
    build({**MEAN, "embedding": "glove", "glove_dim": 50}).save(tmp_path / "model.keras")
    with zipfile.ZipFile(tmp_path / "model.keras") as archive:
        configuration = archive.read("config.json")
    layer = next(entry for entry in json.loads(configuration)["config"]["layers"] if entry["name"] == "embedding")
    assert layer["config"]["embeddings_initializer"]["class_name"] == "Zeros"
    assert len(configuration) < 20_000


@pytest.mark.parametrize("params", POINTS.values(), ids=POINTS)
def test_a_seed_decides_the_weights(params):
    first, again, other = (build(params, seed).get_weights() for seed in (1, 1, 2))
    assert all((one == two).all() for one, two in zip(first, again, strict=True))
    assert any((one != two).any() for one, two in zip(first, other, strict=True))


def test_a_seed_decides_the_dropout_and_so_the_training(batch):
    def losses():
        model = build({**RECURRENT, "cell": "rnn", "dropout": 0.5}, seed=1)
        return [float(model.train_on_batch(*batch)[0]) for _ in range(3)]

    first = losses()
    assert losses() == first
    assert len(set(first)) == 3


@pytest.mark.parametrize(("name", "kind"), [("adam", "Adam"), ("rmsprop", "RMSprop"), ("nadam", "Nadam")])
def test_the_optimiser_is_the_one_named_with_its_learning_rate(name, kind):
    optimizer = build({**MEAN, "optimizer": name, "learning_rate": 0.25}).optimizer
    assert (type(optimizer).__name__, float(optimizer.learning_rate)) == (kind, 0.25)


def test_clip_norm_bounds_all_gradients_together():
    assert build({**MEAN, "clip_norm": 0.5}).optimizer.global_clipnorm == 0.5
    assert build(MEAN).optimizer.global_clipnorm is None


def count_traces(model):
    """A list that grows whenever TensorFlow traces the training step."""
    traces, train_step = [], model.train_step

    def counted(data):
        traces.append(data)
        return train_step(data)

    model.train_step = counted
    return traces


def test_the_training_step_is_traced_once(batch):
    model = build(RECURRENT)
    traces = count_traces(model)
    model.train_on_batch(*batch)
    assert len(traces) == 1


def test_a_batch_of_another_shape_is_not_traced_anew(batch):
    import tensorflow as tf

    model = build(RECURRENT)
    traces = count_traces(model)
    rows, targets = batch

    def batches():
        for n_rows, time in ((48, 7), (5, 3), (17, 6)):
            tokens, lengths = rows["token_indexes"][:n_rows, :time], rows["sequence_length"][:n_rows]
            yield {"token_indexes": tokens, "sequence_length": np.minimum(lengths, time)}, targets[:n_rows]

    def spec(*shape):
        return tf.TensorSpec(shape, tf.int32)

    signature = {"token_indexes": spec(None, None), "sequence_length": spec(None)}, spec(None)
    data = tf.data.Dataset.from_generator(batches, output_signature=signature)
    model.fit(data.apply(tf.data.experimental.assert_cardinality(3)), shuffle=False, verbose=0)
    assert len(traces) == 1
