"""What a worker takes of its machine, and what it gives back."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.tf


def graphs() -> int:
    """Count the traced functions that this process holds."""
    gc.collect()
    return sum(type(item).__name__ == "FuncGraph" for item in gc.get_objects())


def test_nothing_of_a_fitted_model_stays_once_its_gradients_are_forgotten() -> None:
    import keras

    from sweepkit.training import devices

    def fit() -> None:
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
        model.compile("adam", "mse")
        model.fit(np.zeros((4, 3), "float32"), np.zeros((4, 1), "float32"), verbose=0)

    devices.forget_gradients()
    before = graphs()
    fit()
    assert graphs() > before, "Keras has stopped leaking: forget_gradients can go"
    devices.forget_gradients()
    assert graphs() == before


def test_gradients_registered_by_name_stay() -> None:
    from tensorflow.python.framework import ops

    from sweepkit.training import devices

    devices.forget_gradients()
    assert ops.gradient_registry.lookup("MatMul")


COMPILE = """
from sweepkit.training import devices
devices.configure(threads=1, gpu=0, deterministic=False)
import tensorflow as tf
tf.function(lambda x: tf.tanh(x) * 2, jit_compile=True)(tf.ones(3))
"""


@pytest.mark.parametrize(("given", "level"), [("", 2), ("--xla_backend_optimization_level=1", 1)])
def test_xla_compiles_for_a_cpu_as_workers_want_it_unless_a_user_says_otherwise(
    given: str, level: int, tmp_path: Path
) -> None:
    flags = f"--xla_dump_to={tmp_path} --xla_dump_hlo_as_text {given}"
    subprocess.run([sys.executable, "-c", COMPILE], env=os.environ | {"XLA_FLAGS": flags}, check=True)
    options = next(tmp_path.glob("*debug_options")).read_text()
    assert f"xla_backend_optimization_level: {level}" in options


@pytest.mark.parametrize(("fraction", "limit"), [(0.5, 7500), (0.25, 3500), (0.01, 1)])
def test_workers_that_share_a_gpu_fit_beside_each_other(fraction: float, limit: int) -> None:
    from sweepkit.training import devices

    assert devices.memory_limit_mb(fraction, 16_000) == limit
