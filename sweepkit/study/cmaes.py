"""Optuna's CMA-ES sampler with its state stored in the journal as JSON.

Optuna stores it there as a pickle, so that whoever can write to a bucket could run code on the driver. The params are
the same as those of Optuna's own sampler. Try `JsonCmaEsSampler(seed=1)`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from optuna.samplers import CmaEsSampler
from optuna.trial import FrozenTrial

from sweepkit.errors import InputError

# a mistyped number in a journal must not allocate a matrix of its square
_MAX_DIMENSIONS = 10_000


class JsonCmaEsSampler(CmaEsSampler):
    """Optuna's CMA-ES sampler, except that it neither writes nor reads pickles.

    Optuna passes its pickled optimiser to the methods that are overridden here, not the optimiser itself. So the one
    that is in use is kept as an attribute.
    """

    _optimiser: Any = None  # a cmaes.CMA; cmaes is imported where this sampler is used

    # another key than Optuna's: a pickle in a journal from elsewhere is then never looked for
    @property
    def _attr_key_optimizer(self) -> str:
        return f"{self._attr_prefix}state"

    def _init_optimizer(self, *args: Any, **kwargs: Any) -> Any:  # Optuna's own types
        self._optimiser = super()._init_optimizer(*args, **kwargs)
        return self._optimiser

    def _split_optimizer_str(self, optimizer_str: str) -> dict[str, str]:  # noqa: ARG002  # the pickle
        # Optuna splits its text because SQL databases limit an attribute's length; a journal's line has no limit
        return {f"{self._attr_key_optimizer}:0": json.dumps(_to_json(self._optimiser.__getstate__()))}

    def _restore_optimizer(self, completed_trials: Sequence[FrozenTrial]) -> Any:  # Optuna's own types
        # the newest state is in the last trial at whose suggestion the optimiser moved, not in every trial
        states = (trial.system_attrs.get(f"{self._attr_key_optimizer}:0") for trial in reversed(completed_trials))
        newest = next((state for state in states if state is not None), None)
        if newest is None:
            return None
        try:
            self._optimiser = _optimiser(json.loads(newest))
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise InputError(f"the journal's state of the cmaes sampler cannot be read: {error}") from None
        return self._optimiser


def _to_json(state: Mapping[str, Any]) -> dict[str, Any]:  # numbers, arrays and None
    return {
        name: {"shape": value.shape, "values": value.ravel().tolist()} if isinstance(value, np.ndarray) else value
        for name, value in state.items()
    }


def _optimiser(state: Mapping[str, Any]) -> Any:  # a cmaes.CMA
    """Make an optimiser with this state.

    Raises:
        ValueError, KeyError or TypeError: the state is not that of an optimiser.
    """
    # here, not above: only a sweep with this sampler needs it
    import cmaes

    dim = state["_n_dim"]
    if not (isinstance(dim, int) and 1 <= dim <= _MAX_DIMENSIONS):
        raise ValueError(f"{dim!r} dimensions")
    optimiser = cmaes.CMA(mean=np.zeros(dim), sigma=1.0)
    # the state of another version of cmaes would be taken over without an error and suggest other params
    if differing := set(state) ^ set(optimiser.__getstate__()):
        raise ValueError(f"missing or unexpected: {', '.join(sorted(differing))}")
    optimiser.__setstate__({name: _from_json(name, value) for name, value in state.items()})
    return optimiser


def _from_json(name: str, value: Any) -> Any:  # what `_to_json` returned
    if value is None or isinstance(value, bool | int | float):
        return value
    if not isinstance(value, dict):
        raise ValueError(f"{name} is neither a number nor an array")
    return np.array(value["values"], np.float64).reshape(value["shape"])
