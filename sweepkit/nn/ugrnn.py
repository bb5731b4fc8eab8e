"""The update-gate recurrent cell, which Keras does not have.

Try `keras.layers.RNN(UGRNNCell(64), return_sequences=True)`. There is no cuDNN kernel for this cell.
"""

from __future__ import annotations

from typing import Any  # Keras passes configurations and shapes without types

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="sweepkit")
class UGRNNCell(keras.layers.Layer):  # type: ignore[misc]  # Keras has no types
    """Update-gate RNN: one gate decides, unit by unit, between keeping the state and computing a new one.

        c_t = tanh(x_t W_c + h_{t-1} U_c + b_c)           candidate state
        g_t = sigmoid(x_t W_g + h_{t-1} U_g + b_g)        update gate: 1 keeps, 0 replaces
        h_t = g_t * h_{t-1} + (1 - g_t) * c_t             state, and the output of the step

    x_t: <float>[batch, features], h_t: <float>[batch, units], `*` elementwise. W = [W_c W_g] is `kernel`
    <float>[features, 2 units], U = [U_c U_g] is `recurrent_kernel` <float>[units, 2 units], b = [b_c b_g] is
    `bias` <float>[2 units].

    Args:
        units: size of the state.
        gate_bias: initial value of b_g; with 1, a new cell keeps most of its state (g near 0.73). TensorFlow 1's
            UGRNNCell adds the constant to the gate instead (`forget_bias`, also 1), which is the same function
            with the same gradients.

    Reference:
        Collins, Sohl-Dickstein & Sussillo (2017), Capacity and Trainability in Recurrent Neural Networks.
        https://arxiv.org/abs/1611.09913
    """

    def __init__(self, units: int, gate_bias: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.gate_bias = gate_bias
        self.state_size = units
        self.output_size = units

    def build(self, input_shape: Any) -> None:
        # initialised like Keras' own cells, so that cells differ only in their equations
        self.kernel = self.add_weight(
            shape=(input_shape[-1], 2 * self.units), initializer="glorot_uniform", name="kernel"
        )
        self.recurrent_kernel = self.add_weight(
            shape=(self.units, 2 * self.units), initializer="orthogonal", name="recurrent_kernel"
        )
        self.bias = self.add_weight(shape=(2 * self.units,), initializer=self._initial_bias, name="bias")

    def call(self, inputs: Any, states: Any) -> tuple[Any, list[Any]]:
        """Advance by one step.

        Args:
            inputs: <float>[batch, features].
            states: [<float>[batch, units]].

        Returns:
            The output <float>[batch, units] and the new states, a list with the same tensor.
        """
        h = states[0]
        z = ops.matmul(inputs, self.kernel) + ops.matmul(h, self.recurrent_kernel) + self.bias
        candidate, gate = ops.split(z, 2, axis=1)
        candidate = ops.tanh(candidate)
        # g h + (1 - g) c with one product less: each operation here is dispatched once per time step
        h = candidate + ops.sigmoid(gate) * (h - candidate)
        return h, [h]

    def _initial_bias(self, shape: Any, dtype: Any = None) -> Any:
        is_gate = ops.arange(shape[0]) >= self.units
        return ops.where(is_gate, ops.cast(self.gate_bias, dtype), ops.cast(0.0, dtype))

    def get_initial_state(self, batch_size: Any = None) -> list[Any]:
        return [ops.zeros((batch_size, self.units), dtype=self.compute_dtype)]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units, "gate_bias": self.gate_bias}
