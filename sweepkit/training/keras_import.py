"""The import of Keras and TensorFlow in little more than half the time; each worker of a sweep waits for it.

Only for processes of sweepkit: another program may need what is hidden from Keras here. Try `import_keras()` as the
first statement of a process that trains or predicts.
"""

from __future__ import annotations

import gc
import importlib
import sys

# Keras imports these if they are installed, for features that a worker does not use: wrappers in the style of
# scikit-learn, galleries of images, tables as a model's input
_UNUSED = ("sklearn", "matplotlib", "pandas")


def import_keras() -> None:
    """Import Keras as if scikit-learn, Matplotlib and pandas were not installed, with the garbage collector off.

    A fresh process took 1.9 to 2.2 s instead of 3.6 to 4.0, and 551 MB instead of 696 (three of each in turn, 2-core
    AMD EPYC). The three can be imported as usual afterwards, but Keras does not use them. One that is imported already
    stays visible, and if Keras is, nothing happens.
    """
    if "keras" in sys.modules:
        return
    hidden = [name for name in _UNUSED if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None makes its import fail
    collects = gc.isenabled()
    gc.disable()  # the import makes a million objects, all of which stay
    try:
        importlib.import_module("keras")
    finally:
        for name in hidden:
            del sys.modules[name]
        if collects:
            gc.enable()
