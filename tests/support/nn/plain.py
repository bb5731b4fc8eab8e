"""The encoder once more, in plain Keras layers and TensorFlow operations: what the fast path is compared with."""

from __future__ import annotations

from typing import Any


def layer(cell: str, units: int, **arguments: Any) -> Any:
    """Give Keras' own layer of a cell, which returns all states."""
    import keras

    from sweepkit.nn.ugrnn import UGRNNCell

    arguments = {"return_sequences": True, **arguments}
    if cell == "ugrnn":
        return keras.layers.RNN(UGRNNCell(units), **arguments)
    kinds = {"lstm": keras.layers.LSTM, "gru": keras.layers.GRU, "rnn": keras.layers.SimpleRNN}
    return kinds[cell](units, **arguments)


class PlainEncoder:
    """The same function as a model of `sweepkit.nn.encoder.encode` over an embedding, with copies of its weights."""

    def __init__(self, model: Any, encoder: Any) -> None:
        import keras

        self._encoder = encoder
        self._layers: dict[str, Any] = {}
        for made in model.layers:
            if made.name.endswith(("_forward", "_backward")):
                self._layers[made.name] = layer(encoder.cell, encoder.units)
                self._layers[made.name].build((None, None, made.get_weights()[0].shape[0]))
                self._layers[made.name].set_weights(made.get_weights())
        table = model.get_layer("embedding").get_weights()[0]
        self._embedding = keras.layers.Embedding(*table.shape)
        self._embedding.build()
        self._embedding.set_weights([table])
        self._numbers = range(1, encoder.layers + 1)

    @property
    def weights(self) -> dict[str, Any]:
        """Variables by the layer's name and their own, as `weights_of` names those of the model."""
        return {
            f"{name}/{variable.name}": variable
            for name, made in {"embedding": self._embedding, **self._layers}.items()
            for variable in made.trainable_variables
        }

    def __call__(self, tokens: Any, lengths: Any) -> Any:
        import tensorflow as tf

        sequences = self._embedding(tokens)
        for number in self._numbers:
            states = [self._layers[f"layer_{number}_forward"](sequences)]
            if self._encoder.bidirectional:
                turned = tf.reverse_sequence(sequences, lengths, seq_axis=1)
                backward = self._layers[f"layer_{number}_backward"](turned)
                states.append(tf.reverse_sequence(backward, lengths, seq_axis=1))
            sequences = tf.concat(states, axis=2)
        return self._pooled(states, lengths)

    def _pooled(self, states: list[Any], lengths: Any) -> Any:
        import tensorflow as tf

        is_own = tf.sequence_mask(lengths, tf.shape(states[0])[1])
        if self._encoder.pooling == "last":
            rows = tf.range(tf.size(lengths))
            ends = [tf.gather_nd(states[0], tf.stack([rows, lengths - 1], axis=1))]
            return tf.concat([*ends, *(backward[:, 0] for backward in states[1:])], axis=1)
        both = tf.concat(states, axis=2)
        if self._encoder.pooling == "max":
            return tf.reduce_max(tf.where(is_own[:, :, None], both, -9.0), axis=1)
        return (
            tf.reduce_sum(both * tf.cast(is_own, tf.float32)[:, :, None], axis=1)
            / tf.cast(lengths, tf.float32)[:, None]
        )


def weights_of(model: Any) -> dict[str, Any]:
    """Give a model's variables by their layer's name and their own."""
    return {f"{made.name}/{variable.name}": variable for made in model.layers for variable in made.trainable_variables}
