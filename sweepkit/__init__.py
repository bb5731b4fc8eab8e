"""sweepkit: distributed hyperparameter sweeps of Keras models on a Ray cluster."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sweepkit.tasks.text.text_model import TextModel

__version__ = "0.1.0"


def load(folder: str | Path) -> TextModel:
    """Load a bundle, as `pull` or the final stage made it: `sweepkit.load(folder).predict(["some text"])`.

    Raises:
        sweepkit.errors.DataError: it is no bundle, of another format, incomplete or damaged.
    """
    # importing sweepkit must import nothing heavy, and this needs TensorFlow
    model: TextModel = importlib.import_module("sweepkit.tasks.text.text_model").load(folder)
    return model
