"""What an epoch of a trial starts from."""

from __future__ import annotations

import random

import numpy as np
import pytest

pytestmark = pytest.mark.tf


def test_an_epochs_seed_decides_what_python_and_numpy_draw() -> None:
    from sweepkit.training.trainer import _seed_epoch

    def drawn(seed: int) -> tuple[float, float]:
        _seed_epoch(seed)
        return random.random(), float(np.random.random())  # what a sweep package may do

    assert drawn(2**32 - 1) == drawn(2**32 - 1)
    assert set(drawn(1)).isdisjoint(drawn(2))


def test_an_epoch_keeps_the_training_step_that_the_one_before_has_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    import keras
    from tensorflow.python.eager import context

    from sweepkit.training.trainer import _seed_epoch

    context.context().ensure_initialized()
    forgotten: list[object] = []
    monkeypatch.setattr(context.pywrap_tfe, "TFE_ContextClearCaches", forgotten.append)
    _seed_epoch(1)
    assert not forgotten
    keras.utils.set_random_seed(1)
    assert forgotten, "a new seed of TensorFlow's costs nothing any more: _seed_epoch can set it too"
