"""Each cell's step in NumPy, written from its equations: what the tests of this folder compare with."""

from __future__ import annotations

from typing import Any

import numpy as np

State = tuple[Any, Any]

GATES = {"lstm": 4, "gru": 3, "rnn": 1, "ugrnn": 2}


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm_step(x, state, weights) -> State:
    kernel, recurrent, bias = weights
    h, c = state
    i, f, g, o = np.split(x @ kernel + h @ recurrent + bias, 4, axis=1)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def gru_step(x, state, weights) -> State:
    kernel, recurrent, (input_bias, recurrent_bias) = weights
    h, c = state
    x_z, x_r, x_c = np.split(x @ kernel + input_bias, 3, axis=1)
    h_z, h_r, h_c = np.split(h @ recurrent + recurrent_bias, 3, axis=1)
    z = sigmoid(x_z + h_z)
    return z * h + (1 - z) * np.tanh(x_c + sigmoid(x_r + h_r) * h_c), c


def rnn_step(x, state, weights) -> State:
    kernel, recurrent, bias = weights
    return np.tanh(x @ kernel + state[0] @ recurrent + bias), state[1]


def ugrnn_step(x, state, weights) -> State:
    (w_c, w_g), (u_c, u_g), (b_c, b_g) = (np.split(part, 2, axis=-1) for part in weights)
    h = state[0]
    c = np.tanh(x @ w_c + h @ u_c + b_c)
    g = sigmoid(x @ w_g + h @ u_g + b_g)
    return g * h + (1 - g) * c, state[1]


STEPS = {"lstm": lstm_step, "gru": gru_step, "rnn": rnn_step, "ugrnn": ugrnn_step}
"""(x, (h, c), (kernel, recurrent kernel, bias)) -> (h, c); cells without a memory pass c on."""


def states_of(cell, rows, weights):
    """States of every step of rows of one length: [batch, time, units]."""
    zeros = np.zeros((len(rows), np.shape(weights[1])[0]))
    state, states = (zeros, zeros), []
    for t in range(rows.shape[1]):
        state = STEPS[cell](rows[:, t], state, weights)
        states.append(state[0])
    return np.stack(states, axis=1)
