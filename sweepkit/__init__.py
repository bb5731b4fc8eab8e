"""sweepkit: distributed hyperparameter sweeps of Keras models on a Ray cluster.

In Python: `load_sweep` reads a sweep, running or ended, `run_sweep` runs one; see `__all__` for the rest. Importing
sweepkit imports nothing heavy: each name loads what it needs when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sweepkit import errors
    from sweepkit.api import load_model, run_sweep, write_report
    from sweepkit.api import load_model as load
    from sweepkit.final.pull import pull
    from sweepkit.results.compare import compare
    from sweepkit.results.sweep import Sweep, load_sweep
    from sweepkit.space import Choice, Float, Int, Space
    from sweepkit.trial.trial import Report, Trial, TrialState

__version__ = "0.1.0"
__all__ = [
    "Choice",
    "Float",
    "Int",
    "Report",
    "Space",
    "Sweep",
    "Trial",
    "TrialState",
    "__version__",
    "compare",
    "errors",
    "load",
    "load_model",
    "load_sweep",
    "pull",
    "run_sweep",
    "write_report",
]

# name -> where it is; `load` is what `load_model` was called first
_HOMES = {
    **dict.fromkeys(("load", "load_model", "run_sweep", "write_report"), "sweepkit.api"),
    **dict.fromkeys(("Sweep", "load_sweep"), "sweepkit.results.sweep"),
    **dict.fromkeys(("Report", "Trial", "TrialState"), "sweepkit.trial.trial"),
    **dict.fromkeys(("Choice", "Float", "Int", "Space"), "sweepkit.space"),
    "compare": "sweepkit.results.compare",
    "pull": "sweepkit.final.pull",
}


def __getattr__(name: str) -> object:
    if name == "errors":
        return importlib.import_module("sweepkit.errors")
    if name not in _HOMES:
        raise AttributeError(f"module 'sweepkit' has no attribute {name!r}")
    home = importlib.import_module(_HOMES[name])
    value = globals()[name] = getattr(home, "load_model" if name == "load" else name)  # found directly from now on
    return value


def __dir__() -> list[str]:
    return __all__
