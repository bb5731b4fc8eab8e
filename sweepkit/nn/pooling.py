"""Pool the states of every step into one vector per row, using the length of each row.

Three layers with one contract: `layer(states, lengths)`, where states: <float>[batch, time, features] are
right-padded and lengths: <int32>[batch] are in [1, time]; the result is <float>[batch, features] and does not depend on
states after a row's end. A row without tokens counts as one padding token. States may be in either reading direction,
as long as the steps of each row come first.
"""

from __future__ import annotations

from typing import Any  # Keras types no tensor

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="sweepkit")
class LastState(keras.layers.Layer):  # type: ignore[misc]  # Keras has no types
    """Take the state after each row's last step."""

    def call(self, states: Any, lengths: Any) -> Any:
        last = tf.maximum(lengths, 1) - 1
        return tf.gather(states, last, axis=1, batch_dims=1)


@keras.saving.register_keras_serializable(package="sweepkit")
class MeanOverTime(keras.layers.Layer):  # type: ignore[misc]  # Keras has no types
    """Average over each row's steps."""

    def call(self, states: Any, lengths: Any) -> Any:
        inside = tf.cast(_inside(states, lengths), states.dtype)
        # a matrix product avoids the masked copy of all states that multiply-then-sum would write
        total = tf.squeeze(tf.matmul(inside[:, None, :], states), axis=1)
        return total / tf.reduce_sum(inside, axis=1, keepdims=True)


@keras.saving.register_keras_serializable(package="sweepkit")
class MaxOverTime(keras.layers.Layer):  # type: ignore[misc]  # Keras has no types
    """Take each feature's maximum over the row's steps."""

    def call(self, states: Any, lengths: Any) -> Any:
        inside = _inside(states, lengths)[:, :, None]
        return tf.reduce_max(tf.where(inside, states, states.dtype.min), axis=1)


def _inside(states: Any, lengths: Any) -> Any:
    """Return which steps are inside a row's length: <bool>[batch, time]."""
    return tf.sequence_mask(tf.maximum(lengths, 1), maxlen=tf.shape(states)[1])


POOLINGS: dict[str, type[keras.layers.Layer]] = {"last": LastState, "mean": MeanOverTime, "max": MaxOverTime}
