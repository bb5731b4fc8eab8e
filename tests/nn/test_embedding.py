import numpy as np
import pytest

pytestmark = pytest.mark.tf

TOKENS = np.array([[1, 1, 3], [1, 0, 0]], np.int32)


@pytest.fixture
def layer():
    from sweepkit.nn.embedding import TokenEmbedding

    layer = TokenEmbedding(4, 2)
    layer.build()
    layer.set_weights([np.arange(8, dtype=np.float32).reshape(4, 2)])
    return layer


def gradient(layer):
    import tensorflow as tf

    with tf.GradientTape() as tape:
        total = tf.reduce_sum(layer(tf.constant(TOKENS)))
    return tape.gradient(total, layer.trainable_variables[0].value)


def test_tokens_become_their_rows(layer):
    np.testing.assert_array_equal(layer(TOKENS), layer.get_weights()[0][TOKENS])


def test_a_words_gradient_is_summed_over_its_occurrences(layer):
    assert gradient(layer).numpy()[:, 0].tolist() == [2, 3, 0, 1]


def test_adam_squares_the_summed_gradient(layer):
    import keras

    optimizer = keras.optimizers.Adam(0.1)
    optimizer.build(layer.trainable_variables)
    optimizer.apply([gradient(layer)])
    velocity = next(variable for variable in optimizer.variables if variable.path.endswith("velocity"))
    np.testing.assert_allclose(velocity.numpy()[:, 0], 0.001 * np.array([2, 3, 0, 1]) ** 2, rtol=1e-5)
