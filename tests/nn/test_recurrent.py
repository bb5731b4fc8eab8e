"""The layers alone: rows are independent, states of every step, and settings that only stock Keras supports."""

import numpy as np
import pytest

from tests.support.nn import plain
from tests.support.nn.equations import states_of

pytestmark = pytest.mark.tf

CELLS = ("lstm", "gru", "rnn", "ugrnn")
UNITS, FEATURES = 3, 4


@pytest.fixture(params=CELLS)
def cell(request):
    return request.param


def layer_of(cell, *, units=UNITS, features=FEATURES, **arguments):
    from sweepkit.nn.encoder import CELLS

    layer = CELLS[cell](units, **arguments)
    layer.build((None, None, features))
    rng = np.random.default_rng(1)
    layer.set_weights([rng.normal(scale=0.5, size=weight.shape) for weight in layer.get_weights()])
    return layer


def twin_of(layer, cell, **arguments):
    """Keras' own layer with the same weights."""
    twin = plain.layer(cell, UNITS, **arguments)
    twin.build((None, None, FEATURES))
    twin.set_weights(layer.get_weights())
    return twin


def rows_of(lengths, time, features=FEATURES):
    rows = np.random.default_rng(2).normal(size=(len(lengths), time, features)).astype(np.float32)
    return rows, np.array(lengths, np.int32)


def outputs(layer, rows, lengths):
    """Return a layer's outputs, and the gradient of a weighted sum of the outputs by the inputs, alike for all rows."""
    import tensorflow as tf

    rows = tf.constant(rows)
    with tf.GradientTape() as tape:
        tape.watch(rows)
        states = layer(rows, lengths=tf.constant(lengths), training=True)
        total = tf.reduce_sum(states * tf.cos(tf.range(states.shape[-1], dtype=tf.float32)))
    return states.numpy(), tape.gradient(total, rows).numpy()


RAGGED = [40, 1, 33, 5, 32, *([2, 3, 4] * 22)]


@pytest.mark.parametrize("only_last", [True, False])
def test_a_row_is_independent_of_others_and_of_padding_to_the_bit(cell, only_last):
    layer = layer_of(cell, only_last=only_last)
    rows, lengths = rows_of(RAGGED, 40)
    actual, slopes = outputs(layer, rows, lengths)
    is_own = (np.arange(40) < lengths[:, None])[:, :, None]
    own = (lambda states: states) if only_last else (lambda states: np.where(is_own, states[:, :40], 0))

    order = np.random.default_rng(3).permutation(len(rows))
    turned, turned_slopes = outputs(layer, rows[order], lengths[order])
    np.testing.assert_array_equal(own(turned[np.argsort(order)]), own(actual))
    np.testing.assert_array_equal(turned_slopes[np.argsort(order)], slopes)

    noise = np.where(is_own, rows, 50.0).astype(np.float32)
    wider = np.concatenate([noise, np.full((len(rows), 27, FEATURES), -50, np.float32)], axis=1)
    padded, padded_slopes = outputs(layer, wider, lengths)
    np.testing.assert_array_equal(own(padded), own(actual))
    np.testing.assert_array_equal(padded_slopes[:, :40], slopes)
    assert (padded_slopes[:, 40:] == 0).all()

    for row in (0, 1, 4, len(rows) - 1):
        length = lengths[row]
        alone, alone_slopes = outputs(layer, rows[row : row + 1, :length], lengths[row : row + 1])
        np.testing.assert_array_equal(alone[0], actual[row] if only_last else actual[row, :length])
        np.testing.assert_array_equal(alone_slopes[0], slopes[row, :length])


def test_a_row_is_independent_of_others_at_the_sizes_of_a_sweep():
    layer = layer_of("gru", units=64, features=100, only_last=True)
    rows, lengths = rows_of([9, 50, 2, 33], 50, features=100)
    actual = layer(rows, lengths=lengths).numpy()
    for row, length in enumerate(lengths):
        np.testing.assert_array_equal(layer(rows[row : row + 1, :length])[0], actual[row])


def test_distinct_vectors_give_the_states_of_their_steps(cell):
    import tensorflow as tf

    layer = layer_of(cell, only_last=True)
    table = np.random.default_rng(3).normal(size=(6, FEATURES)).astype(np.float32)
    places = np.random.default_rng(4).integers(0, 6, (5, 9)).astype(np.int32)
    lengths = np.array([9, 3, 1, 0, 7], np.int32)
    actual = layer(tf.constant(table), lengths=lengths, places=tf.constant(places))
    np.testing.assert_array_equal(actual, layer(table[places], lengths=lengths))


def test_a_row_without_steps_is_read_as_one_step_of_padding(cell):
    layer = layer_of(cell, only_last=True)
    rows, lengths = rows_of([0, 3, 0], 5)
    expected = states_of(cell, rows, layer.get_weights())
    actual, slopes = outputs(layer, rows, lengths)
    np.testing.assert_allclose(actual, expected[[0, 1, 2], [0, 2, 0]], atol=2e-6)
    assert (slopes[0, 0] != 0).all()
    assert (slopes[0, 1:] == 0).all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 33), (3, 1)])
def test_one_row_and_one_step_are_batches_too(cell, shape):
    layer = layer_of(cell)
    rows, lengths = rows_of([shape[1]] * shape[0], shape[1])
    np.testing.assert_allclose(layer(rows), states_of(cell, rows, layer.get_weights()), atol=5e-6)
    np.testing.assert_array_equal(layer(rows, lengths=lengths), layer(rows))


def test_lengths_beyond_a_batch_are_those_of_the_batch():
    layer = layer_of("rnn", only_last=True)
    rows, _ = rows_of([4, 4], 4)
    np.testing.assert_array_equal(layer(rows, lengths=np.array([9, 4], np.int32)), layer(rows))


def test_a_dense_of_every_step_trains_as_on_stock_keras(cell):
    """Like a character model: a prediction and a loss at each step of a row."""
    import keras
    import tensorflow as tf

    layer = layer_of(cell)
    twin = twin_of(layer, cell)
    dense = keras.layers.Dense(5)
    dense.build((None, None, UNITS))
    rows, lengths = rows_of([70, 1, 33], 70)  # three tiles
    is_own = tf.sequence_mask(lengths, 70)
    targets = tf.constant(np.random.default_rng(5).integers(0, 5, (3, 70)))

    def gradients(states_of_rows, weights):
        inputs = tf.constant(rows)
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            states = states_of_rows(inputs)
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(targets, dense(states))
            total = tf.reduce_sum(tf.where(is_own, losses, 0.0))
        assert states.shape == (3, 70, UNITS)
        return tape.gradient(total, [inputs, *(weight.value for weight in [*weights, *dense.trainable_variables])])

    actual = gradients(lambda inputs: layer(inputs, lengths=lengths, training=True), layer.trainable_variables)
    expected = gradients(twin, twin.trainable_variables)
    for one, other in zip(actual, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-4 * np.abs(other).max())


def test_no_gradient_comes_from_steps_after_a_rows_end(cell):
    import tensorflow as tf

    layer = layer_of(cell)
    inputs, lengths = rows_of([6, 2], 6)
    inputs = tf.constant(inputs)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(inputs)
        states = layer(inputs, lengths=lengths, training=True)
        # only states after the second row's end
        total = tf.reduce_sum(states[1, 2:])
    for slope in tape.gradient(total, [inputs, *(weight.value for weight in layer.trainable_variables)]):
        assert (slope.numpy() == 0).all()


@pytest.mark.parametrize("as_function", [False, True])
@pytest.mark.parametrize("only_last", [False, True])
def test_gradients_outside_of_training_equal_those_of_training(cell, only_last, as_function):
    import tensorflow as tf

    layer = layer_of(cell, only_last=only_last)
    rows, lengths = rows_of([40, 3], 40)
    weights = [weight.value for weight in layer.trainable_variables]

    def gradients(training):
        inputs = tf.constant(rows)
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            total = tf.reduce_sum(layer(inputs, lengths=tf.constant(lengths), training=training) ** 2)
        return tape.gradient(total, [inputs, *weights])

    calm = tf.function(gradients, autograph=False) if as_function else gradients
    for one, other in zip(calm(False), gradients(True), strict=True):
        np.testing.assert_array_equal(one, other)


UNUSUAL = [
    ("lstm", {"use_bias": False}),
    ("lstm", {"activation": "relu"}),
    ("lstm", {"recurrent_activation": "hard_sigmoid"}),
    ("lstm", {"go_backwards": True}),
    ("lstm", {"dtype": "float16"}),
    ("gru", {"reset_after": False}),
    ("gru", {"use_bias": False}),
    ("gru", {"unroll": True}),
    ("gru", {"dtype": "mixed_bfloat16"}),
    ("rnn", {"activation": "relu"}),
    ("rnn", {"use_bias": False}),
    ("rnn", {"dtype": "float64"}),
    ("ugrnn", {"go_backwards": True}),
]


@pytest.mark.parametrize(("cell", "arguments"), UNUSUAL, ids=lambda value: str(value))
def test_what_the_scan_does_not_support_is_computed_by_stock_keras(cell, arguments):
    layer = layer_of(cell, **arguments)
    rows, _ = rows_of([5, 5], 5)
    rows = rows.astype(layer.compute_dtype) if layer.compute_dtype != "bfloat16" else rows
    actual, expected = layer(rows), twin_of(layer, cell, **arguments)(rows)
    assert actual.dtype == expected.dtype == layer.compute_dtype
    np.testing.assert_array_equal(np.asarray(actual, np.float64), np.asarray(expected, np.float64))


@pytest.mark.parametrize("argument", ["dropout", "recurrent_dropout"])
def test_what_is_dropped_inside_a_layer_is_dropped_by_stock_keras_in_training_only(argument):
    layer = layer_of("gru", **{argument: 0.5, "seed": 3})
    rows, lengths = rows_of([5, 5], 5)
    twin = twin_of(layer, "gru", **{argument: 0.5, "seed": 3})
    calm = layer(rows, lengths=lengths)
    np.testing.assert_array_equal(calm, twin(rows))
    dropped = layer(rows, lengths=lengths, training=True)
    np.testing.assert_array_equal(dropped, twin(rows, training=True))
    assert (dropped.numpy() != calm.numpy()).any()


@pytest.mark.parametrize("argument", ["stateful", "return_state"])
def test_what_neither_implementation_supports_is_refused(cell, argument):
    from sweepkit.nn.encoder import CELLS

    with pytest.raises(ValueError, match=f"does not support {argument}; use keras.layers"):
        CELLS[cell](UNITS, **{argument: True})


def test_debug_logs_say_why_stock_keras_computes_a_layer(caplog):
    with caplog.at_level("DEBUG", logger="sweepkit.nn"):
        layer_of("lstm", use_bias=False, go_backwards=True, name="odd")
        layer_of("lstm", name="usual")
    logged = [record.getMessage() for record in caplog.records]
    assert "layer odd is computed by stock Keras: the scan does not support its use_bias, go_backwards" in logged
    assert not any("usual" in message for message in logged)


def test_a_mask_is_refused():
    import keras

    from sweepkit.nn.recurrent import LSTM

    tokens = keras.Input((None,), dtype="int32")
    with pytest.raises(ValueError, match="takes the lengths of rows, not a mask; pass `lengths` without a mask"):
        LSTM(UNITS)(keras.layers.Embedding(5, 3, mask_zero=True)(tokens))
