"""The equations of one time step of each recurrent cell, forward and backward, for compilation by XLA.

Symbols, with R rows, H units and G gates: x <float>[R, G H] is the input's projection x_t W + b, computed outside of
the loop; h and c <float>[R, H] are the state and an LSTM's memory before the step (cells without memory return c
unchanged); U <float>[H, G H] is the recurrent kernel and d <float>[G H] a GRU's recurrent bias. `*` is elementwise.
A backward step takes dh and dc, the derivatives of the loss by the state and memory after the step. It returns those by
the state and memory before the step, and those by the pre-activations, which the caller multiplies by U transposed and
sums into the gradients of the weights.

Every gate uses tanh, as sigmoid(z) = tanh(z / 2) / 2 + 1 / 2, so that XLA compiles one vectorised loop over all gates
of a step. A forward step saves what the backward step needs and cannot cheaply recompute.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import tensorflow as tf

Tensor = Any  # TensorFlow types no tensor


class Forward(NamedTuple):
    """The state and the memory after one step, and the tensors saved for the backward step."""

    h: Tensor
    c: Tensor
    saved: tuple[Tensor, ...]


class StepContext(NamedTuple):
    """The input of a backward step besides the derivatives: states before and after the step, and saved tensors.

    `saved` is split by gate, each <float>[R, H]. `c` and `c_after` are None for a cell without memory.
    """

    h: Tensor
    c: Tensor | None
    h_after: Tensor
    c_after: Tensor | None
    saved: tuple[Tensor, ...]


class Backward(NamedTuple):
    """Derivatives by the pre-activations of x and of h U (equal except for a GRU), and by the states before the step.

    Attributes:
        x: one per gate, <float>[R, H].
        recurrent: one per gate, <float>[R, H]; multiplied by U transposed, they are the other part of dh.
        h: <float>[R, H], the part of dh that does not pass through U; None for a cell without such a part.
        c: <float>[R, H].
    """

    x: tuple[Tensor, ...]
    recurrent: tuple[Tensor, ...]
    h: Tensor | None
    c: Tensor


@dataclass(frozen=True)
class Step:
    """One cell.

    Attributes:
        name: a key of `STEPS`.
        gates: G.
        saved: width of each saved tensor, in units; states and memory are kept separately.
        has_memory: whether the cell uses c.
        forward: (x, h, c, U, d) -> Forward.
        backward: (dh, dc, StepContext) -> Backward.
    """

    name: str
    gates: int
    saved: tuple[int, ...]
    has_memory: bool
    forward: Callable[[Tensor, Tensor, Tensor, Tensor, Tensor], Forward]
    backward: Callable[[Tensor, Tensor, StepContext], Backward]


def _lstm_forward(x: Tensor, h: Tensor, c: Tensor, kernel: Tensor, _: Tensor) -> Forward:
    """i, f, o = sigmoid(z), g = tanh(z), z = x + h U;  c = f c + i g;  h = o tanh(c). Saves i f g o."""
    gates = _gates(x + h @ kernel, (True, True, False, True))
    i, f, g, o = _cut(gates, 4)
    c = f * c + i * g
    return Forward(o * tf.tanh(c), c, (gates,))


def _lstm_backward(dh: Tensor, dc: Tensor, context: StepContext) -> Backward:
    """dc += dh o (1 - tanh(c)^2), and each gate's derivative by its pre-activation: s (1 - s), or 1 - g^2."""
    i, f, g, o = context.saved
    squashed = tf.tanh(context.c_after)
    dc = dc + dh * o * (1.0 - squashed * squashed)
    through_c = (dc * g * i * (1.0 - i), dc * context.c * f * (1.0 - f), dc * i * (1.0 - g * g))
    dz = (*through_c, dh * squashed * o * (1.0 - o))
    return Backward(dz, dz, None, dc * f)


def _gru_forward(x: Tensor, h: Tensor, c: Tensor, kernel: Tensor, bias: Tensor) -> Forward:
    """z, r = sigmoid(x + h U + d);  g = tanh(x_g + r (h U_g + d_g));  h = z h + (1 - z) g. Saves z r, g, h U_g + d_g"""
    units = h.shape[1]
    recurrent = h @ kernel + bias
    gates = _gates(x[:, : 2 * units] + recurrent[:, : 2 * units], (True, True))
    z, r = _cut(gates, 2)
    inner = recurrent[:, 2 * units :]
    g = tf.tanh(x[:, 2 * units :] + r * inner)
    return Forward(g + z * (h - g), c, (gates, g, inner))


def _gru_backward(dh: Tensor, dc: Tensor, context: StepContext) -> Backward:
    """dg = dh (1 - z) (1 - g^2). As r multiplies h U_g + d_g but not x_g, their derivatives differ: r dg, and dg."""
    z, r, g, inner = context.saved
    dg = dh * (1.0 - z) * (1.0 - g * g)
    shared = (dh * (context.h - g) * z * (1.0 - z), dg * inner * r * (1.0 - r))
    return Backward((*shared, dg), (*shared, dg * r), dh * z, dc)


def _rnn_forward(x: Tensor, h: Tensor, c: Tensor, kernel: Tensor, _: Tensor) -> Forward:
    """h = tanh(x + h U)."""
    return Forward(tf.tanh(x + h @ kernel), c, ())


def _rnn_backward(dh: Tensor, dc: Tensor, context: StepContext) -> Backward:
    """dz = dh (1 - h^2)."""
    dz = (dh * (1.0 - context.h_after * context.h_after),)
    return Backward(dz, dz, None, dc)


def _ugrnn_forward(x: Tensor, h: Tensor, c: Tensor, kernel: Tensor, _: Tensor) -> Forward:
    """k = tanh(z_k), g = sigmoid(z_g), z = x + h U;  h = g h + (1 - g) k. Saves k g."""
    gates = _gates(x + h @ kernel, (False, True))
    k, g = _cut(gates, 2)
    return Forward(k + g * (h - k), c, (gates,))


def _ugrnn_backward(dh: Tensor, dc: Tensor, context: StepContext) -> Backward:
    """dk = dh (1 - g) (1 - k^2) and dg = dh (h - k) g (1 - g), where h is the state before the step."""
    k, g = context.saved
    dz = (dh * (1.0 - g) * (1.0 - k * k), dh * (context.h - k) * g * (1.0 - g))
    return Backward(dz, dz, dh * g, dc)


STEPS: dict[str, Step] = {
    step.name: step
    for step in (
        Step("lstm", 4, (4,), True, _lstm_forward, _lstm_backward),
        Step("gru", 3, (2, 1, 1), False, _gru_forward, _gru_backward),
        Step("rnn", 1, (), False, _rnn_forward, _rnn_backward),
        Step("ugrnn", 2, (2,), False, _ugrnn_forward, _ugrnn_backward),
    )
}
"""Gates in Keras' order: LSTM i f g o, GRU z r g (reset after the product), UGRNN candidate, gate."""


def _gates(z: Tensor, is_sigmoid: tuple[bool, ...]) -> Tensor:
    """Apply the activation of each gate, all by one tanh: <float>[R, G H]."""
    units = z.shape[1] // len(is_sigmoid)
    scale = tf.repeat(tf.constant([0.5 if sigmoid else 1.0 for sigmoid in is_sigmoid]), units)
    return tf.tanh(z * scale) * scale + (1.0 - scale)


def _cut(tensor: Tensor, parts: int) -> list[Tensor]:
    """Split the gates of <float>[R, parts H]."""
    units = tensor.shape[1] // parts
    return [tensor[:, part * units : (part + 1) * units] for part in range(parts)]
