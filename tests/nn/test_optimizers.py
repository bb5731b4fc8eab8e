"""The fused Adam against Keras' own, and against the equations in NumPy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.tf

RNG = np.random.default_rng(0)
START = RNG.normal(size=(5, 3)).astype(np.float32)
GRADIENTS = RNG.normal(size=(6, 5, 3)).astype(np.float32)


def steps(optimizer: Any, *, as_function: bool) -> np.ndarray:
    import keras
    import tensorflow as tf

    variable = keras.Variable(START)
    optimizer.build([variable])
    apply = tf.function(lambda g: optimizer.apply([g], [variable])) if as_function else None
    for gradient in GRADIENTS:
        if apply:
            apply(tf.constant(gradient))
        else:
            optimizer.apply([tf.constant(gradient)], [variable])
    return variable.numpy()


@pytest.mark.parametrize("as_function", [False, True])
def test_follows_its_equations(as_function: bool) -> None:
    from sweepkit.nn.optimizers import Adam

    w, m, v = START.astype(np.float64), np.zeros((5, 3)), np.zeros((5, 3))
    for t, g in enumerate(GRADIENTS.astype(np.float64), start=1):
        m, v = 0.9 * m + 0.1 * g, 0.99 * v + 0.01 * g**2
        w -= 0.01 * np.sqrt(1 - 0.99**t) / (1 - 0.9**t) * m / (np.sqrt(v) + 1e-7)
    got = steps(Adam(0.01, beta_2=0.99), as_function=as_function)
    np.testing.assert_allclose(got, w, rtol=2e-5, atol=2e-6)


def test_agrees_with_keras_own_under_clipping() -> None:
    import keras

    from sweepkit.nn.optimizers import Adam

    expected = steps(keras.optimizers.Adam(0.01, global_clipnorm=0.5), as_function=True)
    np.testing.assert_allclose(steps(Adam(0.01, global_clipnorm=0.5), as_function=True), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_a_checkpoint_of_either_is_one_of_the_other(tmp_path: Path) -> None:
    import keras

    from sweepkit.nn.optimizers import Adam

    def model(optimizer: Any) -> Any:
        keras.utils.set_random_seed(0)
        made = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
        made.compile(optimizer, "mse")
        return made

    rows, targets = RNG.normal(size=(8, 3)), RNG.normal(size=(8, 2))
    ours = model(Adam(0.1))
    ours.fit(rows, targets, verbose=0)
    ours.save_weights(tmp_path / "ours.weights.h5")
    stock = model(keras.optimizers.Adam(0.1))
    stock.optimizer.build(stock.trainable_variables)
    stock.load_weights(tmp_path / "ours.weights.h5")
    for made in (ours, stock):
        made.fit(rows, targets, verbose=0)
    for one, other in zip(ours.get_weights(), stock.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_amsgrad_is_refused() -> None:
    from sweepkit.nn.optimizers import Adam

    with pytest.raises(ValueError, match="amsgrad has no fused operation"):
        Adam(amsgrad=True)
