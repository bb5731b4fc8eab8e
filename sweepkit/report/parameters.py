"""The parameters of a sweep as its trials used them: which ones vary, their values, and the axis of each.

Try `varied_names(load_sweep("runs/sweeps/cells"))`.
"""

from __future__ import annotations

from sweepkit.report.scales import Scale
from sweepkit.results.sweep import Sweep
from sweepkit.space import Choice, Value


def varied_names(sweep: Sweep) -> list[str]:
    """Return the parameters with at least two values among the trials, in the order of the space."""
    return [name for name in sweep.space.parameters if len(values_of(sweep, name)) > 1]


def varied_choices(sweep: Sweep) -> list[str]:
    """Return the varied parameters that are a Choice."""
    return [name for name in varied_names(sweep) if isinstance(sweep.space.parameters[name], Choice)]


def values_of(sweep: Sweep, name: str) -> list[Value]:
    """Return the distinct values of a parameter: options in their declared order, numbers in ascending order."""
    seen = {repr(trial.params[name]): trial.params[name] for trial in sweep.trials if name in trial.params}
    param = sweep.space.parameters[name]
    if isinstance(param, Choice):
        return sorted(seen.values(), key=lambda value: (place := param.index(value)) is None or place)
    return sorted(seen.values())


def scale_of(sweep: Sweep, name: str) -> Scale:
    """Return the axis of a parameter."""
    return Scale.of(sweep.space.parameters[name], values_of(sweep, name))
