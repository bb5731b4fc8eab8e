"""A table of word vectors whose gradient is what optimisers mean by a gradient.

Looks up exactly as `keras.layers.Embedding` does. Only the gradient differs: Keras hands its optimisers one
slice for each *occurrence* of a word, and squares the slices before summing them, so that the second moment
of Adam, Nadam and RMSprop and the norm that clipping sees are those of no gradient, the further off the more
often a word occurs in a batch. Here the slices are summed first. It is also no slower, as those optimisers
work on the whole table anyway.
"""

from __future__ import annotations

from typing import Any  # Keras types no tensor

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="sweepkit")
class TokenEmbedding(keras.layers.Embedding):  # type: ignore[misc]  # Keras has no types
    """Turn token indexes <int32>[batch, time] into vectors <float>[batch, time, output_dim]; sets no mask."""

    def call(self, inputs: Any) -> Any:
        # the gradient of a reshape is dense, so the slices of the gather's gradient are summed on its way through it
        table = tf.reshape(tf.convert_to_tensor(self.embeddings), (self.input_dim, self.output_dim))
        return tf.cast(tf.gather(table, inputs), self.compute_dtype)
