"""Which of two ways recurrent layers are computed: sweepkit's own scan, or stock Keras.

Both have the same weights and give the same results within rounding; a checkpoint of one loads in the other. The scan
is for CPUs. With a GPU in sight all layers are stock, so that LSTM and GRU take cuDNN's path.

    with using("stock"): model = build(point, prepared); model.fit(...)
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from typing import Literal, get_args

import tensorflow as tf

logger = logging.getLogger(__name__)

Implementation = Literal["auto", "stock"]

_chosen: Implementation = "auto"


def select(implementation: Implementation) -> None:
    """Choose for all layers that this process builds or traces from now on; what is traced already stays as it is.

    Raises:
        ValueError: there is no such implementation.
    """
    global _chosen
    if implementation not in get_args(Implementation):
        raise ValueError(f"nn must be one of {', '.join(get_args(Implementation))}, got {implementation!r}")
    _chosen = implementation


@contextlib.contextmanager
def using(implementation: Implementation) -> Iterator[None]:
    """Choose inside of a `with` block."""
    before = _chosen
    select(implementation)
    try:
        yield
    finally:
        select(before)


def uses_scan() -> bool:
    """Whether layers that can be are computed by sweepkit's scan."""
    return _chosen == "auto" and not tf.config.list_logical_devices("GPU")
