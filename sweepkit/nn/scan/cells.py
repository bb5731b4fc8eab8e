"""One time step of each recurrent cell, forward and backward, written for XLA: the equations, and nothing else.

Symbols, with R rows, H units and G gates: x <float>[R, G H] is the input's projection x_t W + b, made outside of the
loop; h and c <float>[R, H] are the state and an LSTM's memory before the step (cells without memory pass c on); U
<float>[H, G H] is the recurrent kernel and d <float>[G H] a GRU's recurrent bias. `*` is elementwise, s' is ds.
A backward step turns dh and dc, the loss' derivatives by the state and memory after the step, into those before it, and
into those by the pre-activations, which the caller multiplies by U transposed and sums into the weights' gradients.

Every gate goes through tanh, as sigmoid(z) = tanh(z / 2) / 2 + 1 / 2: XLA makes one vectorised loop over all gates of a
step. A forward step saves what its backward step reads and could not cheaply compute again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import tensorflow as tf

Tensor = Any  # TensorFlow types no tensor


class Forward(NamedTuple):
    """After one step: the state, the memory, and what the backward step needs of it."""

    h: Tensor
    c: Tensor
    saved: tuple[Tensor, ...]


class Around(NamedTuple):
    """What a backward step is given beside the derivatives: states before and after the step, and what was saved.

    `saved` is cut into what belongs to each gate, each <float>[R, H]. Of a cell without memory, the two of c are None.
    """

    h: Tensor
    c: Tensor | None
    h_after: Tensor
    c_after: Tensor | None
    saved: tuple[Tensor, ...]


class Backward(NamedTuple):
    """Derivatives by the pre-activations, x's and h U's (the same but for a GRU), and by the states before.

    Attributes:
        x: of each gate, <float>[R, H].
        recurrent: of each gate, <float>[R, H]; through U they give the rest of dh.
        h: <float>[R, H], what reaches the state before without passing U; None for nothing.
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
        saved: width of each saved tensor, in units; states and memory are kept beside.
        has_memory: whether c means something.
        forward: (x, h, c, U, d) -> Forward.
        backward: (dh, dc, Around) -> Backward.
    """

    name: str
    gates: int
    saved: tuple[int, ...]
    has_memory: bool
    forward: Callable[[Tensor, Tensor, Tensor, Tensor, Tensor], Forward]
    backward: Callable[[Tensor, Tensor, Around], Backward]


def _cut(tensor: Tensor, parts: int) -> list[Tensor]:
    """Split the gates of <float>[R, parts H]."""
    units = tensor.shape[1] // parts
    return [tensor[:, part * units : (part + 1) * units] for part in range(parts)]


def _gates(z: Tensor, is_sigmoid: tuple[bool, ...]) -> Tensor:
    """Apply each gate's own activation, all through one tanh: <float>[R, G H]."""
    units = z.shape[1] // len(is_sigmoid)
    scale = tf.repeat(tf.constant([0.5 if sigmoid else 1.0 for sigmoid in is_sigmoid]), units)
    return tf.tanh(z * scale) * scale + (1.0 - scale)


def _lstm_forward(x: Tensor, h: Tensor, c: Tensor, kernel: Tensor, _: Tensor) -> Forward:
    """i, f, o = sigmoid(z), g = tanh(z), z = x + h U;  c = f c + i g;  h = o tanh(c). Saves i f g o."""
    gates = _gates(x + h @ kernel, (True, True, False, True))
    i, f, g, o = _cut(gates, 4)
    c = f * c + i * g
    return Forward(o * tf.tanh(c), c, (gates,))


def _lstm_backward(dh: Tensor, dc: Tensor, given: Around) -> Backward:
    """dc += dh o (1 - tanh(c)^2), and each gate's derivative by its pre-activation: s (1 - s), or 1 - g^2."""
    i, f, g, o = given.saved
    squashed = tf.tanh(given.c_after)
    dc = dc + dh * o * (1.0 - squashed * squashed)
    through_c = (dc * g * i * (1.0 - i), dc * given.c * f * (1.0 - f), dc * i * (1.0 - g * g))
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


def _gru_backward(dh: Tensor, dc: Tensor, given: Around) -> Backward:
    """As the reset gate stands between U and the candidate, its two sides have different derivatives: dg, and r dg."""
    z, r, g, inner = given.saved
    dg = dh * (1.0 - z) * (1.0 - g * g)
    shared = (dh * (given.h - g) * z * (1.0 - z), dg * inner * r * (1.0 - r))
    return Backward((*shared, dg), (*shared, dg * r), dh * z, dc)


def _rnn_forward(x: Tensor, h: Tensor, c: Tensor, kernel: Tensor, _: Tensor) -> Forward:
    """h = tanh(x + h U)."""
    return Forward(tf.tanh(x + h @ kernel), c, ())


def _rnn_backward(dh: Tensor, dc: Tensor, given: Around) -> Backward:
    """dz = dh (1 - h^2)."""
    dz = (dh * (1.0 - given.h_after * given.h_after),)
    return Backward(dz, dz, None, dc)


def _ugrnn_forward(x: Tensor, h: Tensor, c: Tensor, kernel: Tensor, _: Tensor) -> Forward:
    """k = tanh(z_k), g = sigmoid(z_g), z = x + h U;  h = g h + (1 - g) k. Saves k g."""
    gates = _gates(x + h @ kernel, (False, True))
    k, g = _cut(gates, 2)
    return Forward(k + g * (h - k), c, (gates,))


def _ugrnn_backward(dh: Tensor, dc: Tensor, given: Around) -> Backward:
    """dk = dh (1 - g) (1 - k^2) and dg = dh (h - k) g (1 - g), with the h before the step."""
    k, g = given.saved
    dz = (dh * (1.0 - g) * (1.0 - k * k), dh * (given.h - k) * g * (1.0 - g))
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
