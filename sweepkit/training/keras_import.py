"""Keras and TensorFlow, imported in little more than half the time: each worker of a sweep waits for it.

Not for whoever imports sweepkit into a program of their own: what such a program imports is not ours to withhold. Try
`import_keras()` as the first thing of a process that is to train or predict.
"""

from __future__ import annotations

import gc
import importlib
import sys

# Keras imports these where they are installed, for parts of it that a worker has no use for: wrappers that look like
# scikit-learn's models, galleries of images, tables as a model's input
_FOR_OTHERS = ("sklearn", "matplotlib", "pandas")


def import_keras() -> None:
    """Import Keras as if scikit-learn, Matplotlib and pandas were not installed, and without looking for garbage.

    A fresh process took 1.9 to 2.2 s instead of 3.6 to 4.0, and 551 MB instead of 696 (three of each in turn, 2-core
    AMD EPYC). The three can be imported as ever afterwards, but Keras will not know of them. One that the process has
    imported already stays visible, and a Keras that it has imported is left alone.
    """
    if "keras" in sys.modules:
        return
    hidden = [name for name in _FOR_OTHERS if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None says "there is no such module"
    collects = gc.isenabled()
    gc.disable()  # a million objects are made here, all of them to stay
    try:
        importlib.import_module("keras")
    finally:
        for name in hidden:
            del sys.modules[name]
        if collects:
            gc.enable()
