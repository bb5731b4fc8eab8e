"""What the tests of explanations have in common."""

from __future__ import annotations

import numpy as np

TEXT = "The film was not good, but it is a very great film!"


def pairs(*second: float) -> np.ndarray:
    return np.array([(1 - p, p) for p in second], np.float32)
