"""Keras' recurrent layers, and UGRNN, computed by sweepkit's scan where it supports the settings, else by Keras.

Variables have the names, shapes and order of gates of the stock layers, so that weights are interchangeable. A layer
takes the length of each row, and may take its inputs as distinct vectors:

    distinct, places = DistinctTokens()(token_indexes)     # [distinct], [batch, time]
    vectors = embedding(distinct)                          # [distinct, features]
    state = LSTM(64, only_last=True)(vectors, lengths=lengths, places=places)      # [batch, 64]

A batch of 128 texts of a few hundred words has 30,000 tokens, of which 5,000 are distinct. With distinct vectors the
product x W and its gradients are computed for a sixth of the rows, with the same result.
"""

from __future__ import annotations

import logging
from typing import Any  # Keras types neither layers nor tensors

import keras
import tensorflow as tf

from sweepkit.nn import implementation
from sweepkit.nn.scan.cells import STEPS
from sweepkit.nn.scan.scan import scan
from sweepkit.nn.scan.tiling import Tiles, cut, to_batch, to_tiles
from sweepkit.nn.ugrnn import UGRNNCell

logger = logging.getLogger(__name__)


@keras.saving.register_keras_serializable(package="sweepkit")
class DistinctTokens(keras.layers.Layer):  # type: ignore[misc]  # Keras has no types
    """Turn <int32>[batch, time] into its distinct values <int32>[distinct] and their indexes [batch, time]."""

    def call(self, tokens: Any) -> tuple[Any, Any]:
        distinct, places = tf.unique(tf.reshape(tokens, [-1]))
        return distinct, tf.reshape(places, tf.shape(tokens))

    def compute_output_spec(self, tokens: Any) -> tuple[Any, Any]:
        return keras.KerasTensor((None,), tokens.dtype), keras.KerasTensor(tokens.shape, "int32")


class _Scanned(keras.layers.Layer):  # type: ignore[misc]  # Keras has no types
    """Base of the four layers, listed before the stock layer among their bases, so that `super()` is the stock layer.

    Attributes:
        kind: a key of `scan.cells.STEPS`.
        only_last: return each row's last state instead of all states.
    """

    kind: str
    only_last: bool

    def _set_up(self, only_last: bool) -> None:
        self.only_last = only_last
        for name in ("return_state", "stateful"):
            if getattr(self, name):
                raise ValueError(f"sweepkit's {type(self).__name__} does not support {name}; use keras.layers")
        self.input_spec = None  # stock layers require three axes, but distinct vectors have two

    # Keras passes the shape of each argument of call() by its name
    def build(self, sequences_shape: Any, lengths_shape: Any = None, places_shape: Any = None) -> None:  # noqa: ARG002
        super().build((None, None, sequences_shape[-1]))
        reason = self._why_stock()
        if reason:
            logger.debug("layer %s is computed by stock Keras: %s", self.name, reason)

    def call(
        self, sequences: Any, lengths: Any = None, places: Any = None, training: bool = False, mask: Any = None
    ) -> Any:
        """Compute the states of rows.

        Args:
            sequences: <float>[batch, time, features], right-padded; with `places`, <float>[distinct, features].
            lengths: <int32>[batch], each row's number of steps, in [1, time]; None without padding.
            places: <int32>[batch, time], index of each step's vector in `sequences`.
            training: keep what the gradient needs; without, a gradient costs a second forward pass.
            mask: passed by Keras after a layer that masks; must be None.

        Returns:
            <float>[batch, units] after each row's last step if `only_last`, else <float>[batch, time, units], in which
            values after a row's end are undefined.

        Raises:
            ValueError: there is a mask.
        """
        self._check_unmasked(mask)
        shape = tf.shape(sequences if places is None else places)
        if lengths is None:
            lengths = tf.fill((shape[0],), shape[1])
        lengths = tf.clip_by_value(lengths, 1, shape[1])
        if self._why_stock():
            steps = sequences if places is None else tf.gather(sequences, places)
            return self._stock(steps, lengths, training=bool(training))
        return self._scan(sequences, places, cut(lengths, shape[1]), training=bool(training))

    def _scan(self, sequences: Any, places: Any, tiles: Tiles, *, training: bool) -> Any:
        cell = self.cell
        # a GRU has two biases: one for the product of the input, one for the recurrent product
        is_double = cell.bias.shape.rank == 2
        bias, recurrent_bias = (cell.bias[0], cell.bias[1]) if is_double else (cell.bias, tf.zeros_like(cell.bias))
        if places is None:
            inputs = _in_tiles(sequences, tiles)
            projected = tf.tensordot(inputs, tf.convert_to_tensor(cell.kernel), axes=1) + bias
        else:
            projected = tf.matmul(sequences, cell.kernel) + bias
            places = to_tiles(places, tiles)
        return scan(
            projected, places, tf.convert_to_tensor(cell.recurrent_kernel), recurrent_bias, tiles,
            step=STEPS[self.kind], only_last=self.only_last, training=training,
        )  # fmt: skip

    def _stock(self, sequences: Any, lengths: Any, *, training: bool) -> Any:
        states = super().call(sequences, training=training)
        return tf.gather(states, lengths - 1, axis=1, batch_dims=1) if self.only_last else states

    def _why_stock(self) -> str | None:
        """Return why stock Keras computes this layer, or None."""
        cell = self.cell
        if not implementation.uses_scan():
            return "nn is stock, or there is a GPU"
        if self.compute_dtype != "float32":
            return f"the compute dtype is {self.compute_dtype}"
        supported = {
            "activation": getattr(cell, "activation", keras.activations.tanh) is keras.activations.tanh,
            "recurrent_activation": getattr(cell, "recurrent_activation", keras.activations.sigmoid)
            is keras.activations.sigmoid,
            "use_bias": getattr(cell, "use_bias", True),
            "reset_after": getattr(cell, "reset_after", True),
            "dropout": not getattr(cell, "dropout", 0),
            "recurrent_dropout": not getattr(cell, "recurrent_dropout", 0),
            **{name: not getattr(self, name) for name in ("go_backwards", "unroll")},
        }
        unsupported = [name for name, is_supported in supported.items() if not is_supported]
        return f"the scan does not support its {', '.join(unsupported)}" if unsupported else None

    def _check_unmasked(self, mask: Any) -> None:
        if mask is not None:
            raise ValueError(
                f"layer {self.name!r} takes the lengths of rows, not a mask; pass `lengths` without a mask"
            )

    def compute_output_spec(
        self,
        sequences: Any,
        lengths: Any = None,  # noqa: ARG002  # Keras passes all arguments of call()
        places: Any = None,
        **others: Any,
    ) -> Any:
        self._check_unmasked(others.get("mask"))
        batch, time = (sequences if places is None else places).shape[:2]
        shape = (batch, self.cell.units) if self.only_last else (batch, time, self.cell.units)
        return keras.KerasTensor(shape, self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "only_last": self.only_last}


def _in_tiles(sequences: Any, tiles: Tiles) -> Any:
    """Reorder steps into tiles: [batch, time, features] to [N, K, R, features]."""

    def gradient(upstream: Any) -> Any:
        # each step has one place in the tiles, so the gradient is another lookup and not a sum
        is_own = tf.sequence_mask(tiles.lengths, tiles.time)[:, :, None]
        return tf.where(is_own, to_batch(upstream, tiles), 0.0)

    return tf.custom_gradient(lambda sequences: (to_tiles(sequences, tiles), gradient))(sequences)


@keras.saving.register_keras_serializable(package="sweepkit")
class LSTM(_Scanned, keras.layers.LSTM):  # type: ignore[misc]  # Keras has no types
    """Hochreiter & Schmidhuber (1997) with a forget gate, its bias starting at 1; gates in order i, f, g, o.

        i, f, o = sigmoid(x_t W + h_{t-1} U + b)      g = tanh(x_t W_g + h_{t-1} U_g + b_g)
        c_t = f * c_{t-1} + i * g                     h_t = o * tanh(c_t)

    Args:
        units: size of the state.
        only_last: return each row's last state instead of all states.

    Reference:
        https://doi.org/10.1162/neco.1997.9.8.1735
    """

    kind = "lstm"

    def __init__(self, units: int, *, only_last: bool = False, **kwargs: Any) -> None:
        super().__init__(units, **{**kwargs, "return_sequences": True})
        self._set_up(only_last)


@keras.saving.register_keras_serializable(package="sweepkit")
class GRU(_Scanned, keras.layers.GRU):  # type: ignore[misc]  # Keras has no types
    """Cho et al. (2014) in cuDNN's form: reset after the product, two biases; gates in order z, r, c.

        z, r = sigmoid(x_t W + b + h_{t-1} U + d)     c = tanh(x_t W_c + b_c + r * (h_{t-1} U_c + d_c))
        h_t = z * h_{t-1} + (1 - z) * c

    Args: those of `LSTM`.

    Reference:
        https://arxiv.org/abs/1406.1078
    """

    kind = "gru"

    def __init__(self, units: int, *, only_last: bool = False, **kwargs: Any) -> None:
        super().__init__(units, **{**kwargs, "return_sequences": True})
        self._set_up(only_last)


@keras.saving.register_keras_serializable(package="sweepkit")
class SimpleRNN(_Scanned, keras.layers.SimpleRNN):  # type: ignore[misc]  # Keras has no types
    """Elman (1990): h_t = tanh(x_t W + h_{t-1} U + b).

    Args: those of `LSTM`.

    Reference:
        https://doi.org/10.1207/s15516709cog1402_1
    """

    kind = "rnn"

    def __init__(self, units: int, *, only_last: bool = False, **kwargs: Any) -> None:
        super().__init__(units, **{**kwargs, "return_sequences": True})
        self._set_up(only_last)


@keras.saving.register_keras_serializable(package="sweepkit")
class UGRNN(_Scanned, keras.layers.RNN):  # type: ignore[misc]  # Keras has no types
    """Collins et al. (2017); equations in `UGRNNCell`.

    Args: those of `LSTM`; `gate_bias` is that of `UGRNNCell`.
    """

    kind = "ugrnn"

    def __init__(self, units: int, *, gate_bias: float = 1.0, only_last: bool = False, **kwargs: Any) -> None:
        super().__init__(UGRNNCell(units, gate_bias), **{**kwargs, "return_sequences": True})
        self._set_up(only_last)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["cell"]
        return {**config, "units": self.cell.units, "gate_bias": self.cell.gate_bias}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> UGRNN:
        return cls(**config)  # from_config of Keras' RNN requires a cell
