"""An embedding whose gradient is summed over all occurrences of a word in a batch.

The lookup is that of `keras.layers.Embedding`; only the gradient differs. Keras passes one slice for each *occurrence*
of a word to its optimisers and squares the slices before summing them. So the second moments of Adam, Nadam and
RMSprop, and the norm that is clipped, are not those of the gradient; the error grows with the number of occurrences of
a word in a batch. Here the slices are summed first. This is no slower: these optimisers update the whole table anyway.
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
