"""Select the implementation of recurrent layers: sweepkit's own scan, or stock Keras.

Both have the same weights and the same results within rounding; a checkpoint of one loads in the other. The scan is
for CPUs. If TensorFlow sees a GPU, all layers are stock, so that LSTM and GRU use cuDNN.

    with using("stock"): model = build(params, prepared); model.fit(...)
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from typing import Literal, get_args

import tensorflow as tf

logger = logging.getLogger(__name__)

Implementation = Literal["auto", "stock"]

_selected: Implementation = "auto"


def select(implementation: Implementation) -> None:
    """Select for all layers that this process builds or traces from now on; traced functions stay unchanged.

    Raises:
        ValueError: the implementation is unknown.
    """
    global _selected
    if implementation not in get_args(Implementation):
        raise ValueError(f"nn must be one of {', '.join(get_args(Implementation))}, got {implementation!r}")
    _selected = implementation


@contextlib.contextmanager
def using(implementation: Implementation) -> Iterator[None]:
    """Select inside of a `with` block."""
    before = _selected
    select(implementation)
    try:
        yield
    finally:
        select(before)


def uses_scan() -> bool:
    """Whether the layers that the scan supports are computed by the scan."""
    return _selected == "auto" and not tf.config.list_logical_devices("GPU")
