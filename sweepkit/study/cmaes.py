"""Optuna's CMA-ES sampler with its state kept in the journal as JSON.

Optuna keeps it as a pickle there, and whoever can write to a bucket could then run code on the driver. Points are the
same as Optuna's own. Try `JsonCmaEsSampler(seed=1)`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from optuna.samplers import CmaEsSampler
from optuna.trial import FrozenTrial

from sweepkit.errors import InputError

_MOST_DIMENSIONS = 10_000


class JsonCmaEsSampler(CmaEsSampler):
    """Writes and reads no pickles; the rest is Optuna's.

    Optuna gives the methods that are overridden here its pickled optimiser, not the optimiser itself, so the one that
    it works on is remembered.
    """

    _optimiser: Any = None  # a cmaes.CMA; cmaes is imported where this sampler is used

    @property
    def _attr_key_optimizer(self) -> str:
        return f"{self._attr_prefix}state"

    def _init_optimizer(self, *args: Any, **kwargs: Any) -> Any:  # Optuna's own types
        self._optimiser = super()._init_optimizer(*args, **kwargs)
        return self._optimiser

    def _split_optimizer_str(self, optimizer_str: str) -> dict[str, str]:  # noqa: ARG002  # the pickle
        return {f"{self._attr_key_optimizer}:0": json.dumps(_to_json(self._optimiser.__getstate__()))}

    def _restore_optimizer(self, completed_trials: Sequence[FrozenTrial]) -> Any:  # as above
        states = (trial.system_attrs.get(f"{self._attr_key_optimizer}:0") for trial in reversed(completed_trials))
        newest = next((state for state in states if state is not None), None)
        if newest is None:
            return None
        try:
            self._optimiser = _rebuilt(json.loads(newest))
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise InputError(f"the journal's state of the cmaes sampler cannot be read: {error}") from None
        return self._optimiser


def _to_json(state: Mapping[str, Any]) -> dict[str, Any]:  # numbers, arrays and None
    return {
        name: {"shape": value.shape, "values": value.ravel().tolist()} if isinstance(value, np.ndarray) else value
        for name, value in state.items()
    }


def _rebuilt(state: Mapping[str, Any]) -> Any:  # a cmaes.CMA
    """Make an optimiser with this state.

    Raises:
        ValueError, KeyError or TypeError: it is no such state.
    """
    import cmaes

    dim = state["_n_dim"]
    if not (isinstance(dim, int) and 1 <= dim <= _MOST_DIMENSIONS):
        raise ValueError(f"{dim!r} dimensions")
    optimiser = cmaes.CMA(mean=np.zeros(dim), sigma=1.0)
    known = optimiser.__getstate__()
    if set(state) != set(known):
        raise ValueError(f"it holds {', '.join(sorted(set(state) ^ set(known)))}")
    optimiser.__setstate__({name: _from_json(name, value) for name, value in state.items()})
    return optimiser


def _from_json(name: str, value: Any) -> Any:  # as `_to_json` wrote it
    if value is None or isinstance(value, bool | int | float):
        return value
    if not isinstance(value, dict):
        raise ValueError(f"{name} is no number and no array")
    return np.array(value["values"], np.float64).reshape(value["shape"])
