"""A search space: ordered, named parameters, some of which apply only when others have certain values.

A space can be narrowed by a YAML, enumerated as a grid, sampled at random or by a sampler (`draw`), hashed, described
as JSON and rebuilt from it.

    SPACE = Space({
        "cell": Choice(("lstm", "none")),
        "units": Int(8, 512, step=8, when={"cell": ("lstm",)}),
    })
    SPACE.draw(lambda name, param: …)    # called for units only if the cell is an lstm
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from math import exp, log, prod
from types import MappingProxyType
from typing import Any

from sweepkit.formatting import listed, nearest
from sweepkit.space.parameters import Choice, Float, Int, Issue, Param, SpaceError, Value

__all__ = ["Choice", "Float", "Int", "Param", "Params", "Space", "SpaceError", "Value"]

Params = dict[str, Value]
"""One value for each active parameter; inactive parameters are absent."""


class Space:
    """Ordered parameters with conditions.

    Args:
        params: name to parameter; a parameter in a `when` must be declared before the one that depends on it.

    Raises:
        SpaceError: the declaration contradicts itself (a ValueError).
    """

    def __init__(self, params: Mapping[str, Param]) -> None:
        if not params:
            raise SpaceError("a space needs at least one parameter")
        self.parameters: Mapping[str, Param] = MappingProxyType(dict(params))
        seen: dict[str, Param] = {}
        for name, param in params.items():
            _check_conditions(name, param, seen)
            seen[name] = param

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Space) and list(self.parameters.items()) == list(other.parameters.items())

    def __hash__(self) -> int:
        return hash(self.digest())

    def __reduce__(self) -> tuple[type[Space], tuple[dict[str, Param]]]:
        return Space, (dict(self.parameters),)  # a mapping proxy cannot be pickled, so not sent to a worker

    def is_active(self, name: str, params: Mapping[str, Value]) -> bool:
        """Whether a parameter applies, depending on the values of the parameters before it."""
        conditions = self.parameters[name].when or {}
        return all(parent in params and _among(params[parent], values) for parent, values in conditions.items())

    def draw(self, choose: Callable[[str, Param], Value]) -> Params:
        """Build params by calling `choose` for each active parameter, in the declared order."""
        params: Params = {}
        for name, param in self.parameters.items():
            if self.is_active(name, params):
                params[name] = choose(name, param)
        return params

    def sample(self, rng: random.Random) -> Params:
        """Draw params uniformly, on a logarithmic scale for parameters with `log`."""
        return self.draw(lambda _name, param: _sampled(param, rng))

    def narrow(self, settings: Mapping[str, object]) -> tuple[Space, list[tuple[tuple[str, ...], str]]]:
        """Fix or narrow parameters by the settings of a YAML's `space:`.

        Parameters that can no longer apply (`units` when the only cell left has none) are left out.

        Returns:
            The narrowed space, in which a parameter with a wrong setting stays as declared; and the issues, each with
            the keys that lead to it, such as `(("units", "from"), "must be …")`.
        """
        issues: list[Issue] = [
            ((str(name),), f"the space has no parameter {name!r}; {nearest(str(name), self.parameters)}")
            for name in settings
            if name not in self.parameters
        ]
        narrowed: dict[str, Param] = {}
        for name, param in self.parameters.items():
            if name in settings:
                param, param_issues = param.narrow(settings[name])
                issues += [((name, *below), message) for below, message in param_issues]
            possible = _still_possible(param, narrowed)
            if possible is not None:
                narrowed[name] = possible
        return Space(narrowed), issues

    def grid(self) -> Iterator[Params]:
        """Yield every distinct point; a parameter that does not apply adds no points.

        Raises:
            ValueError: a parameter is continuous; the message has its name.
        """
        continuous = [name for name, param in self.parameters.items() if param.values() is None]
        if continuous:
            raise ValueError(f"no finite grid: {listed(continuous)} may be any number in a range; list values instead")
        return self._grid(list(self.parameters), {})

    def size(self) -> int | None:
        """Count the points of the grid without listing them; None if a parameter is continuous."""
        counts = {name: _count(param) for name, param in self.parameters.items()}
        if any(count is None for count in counts.values()):
            return None
        # a parameter that no condition refers to only multiplies: enumerate the parents, multiply the others
        parents = {parent for param in self.parameters.values() for parent in param.when or {}}
        leaves = [name for name in self.parameters if name not in parents]
        return sum(
            prod(counts[leaf] or 0 for leaf in leaves if self.is_active(leaf, params))
            for params in self._grid([name for name in self.parameters if name in parents], {})
        )

    def describe(self) -> list[dict[str, object]]:
        """Return the parameters as JSON values, for printing and for manifests."""
        return [{"name": name, **param.describe()} for name, param in self.parameters.items()]

    @classmethod
    def from_description(cls, described: Iterable[Mapping[str, Any]]) -> Space:  # JSON
        """Rebuild what `describe` returned; KeyError or TypeError for anything else."""
        return cls({str(param["name"]): _from_description(param) for param in described})

    def digest(self) -> str:
        """Return the SHA-256 of the declaration: equal for equal spaces on every machine."""
        return hashlib.sha256(json.dumps(self.describe(), sort_keys=True).encode()).hexdigest()

    def _grid(self, names: Sequence[str], params: Params) -> Iterator[Params]:
        if not names:
            yield dict(params)
            return
        name, rest = names[0], names[1:]
        if not self.is_active(name, params):
            yield from self._grid(rest, params)
            return
        for value in self.parameters[name].values() or ():
            yield from self._grid(rest, {**params, name: value})


def _check_conditions(name: str, param: Param, earlier: Mapping[str, Param]) -> None:
    """Refuse a condition on a parameter that is not declared before, or on a value that the parameter never has."""
    for parent, values in (param.when or {}).items():
        if parent not in earlier:
            hint = f"; {nearest(parent, earlier)}" if earlier else ""
            raise SpaceError(f"parameter {name!r} depends on {parent!r}, which is not declared before it{hint}")
        never = [value for value in values if not earlier[parent].contains(value)]
        if never or not values:
            raise SpaceError(
                f"parameter {name!r} applies when {parent!r} is {listed(values) or 'nothing'}; "
                f"{parent!r} never is {listed(never) or 'nothing'}"
            )


def _among(value: Value, values: tuple[Value, ...]) -> bool:
    return any(value == one and isinstance(value, bool) == isinstance(one, bool) for one in values)


def _sampled(param: Param, rng: random.Random) -> Value:
    if isinstance(param, Choice):
        return rng.choice(param.options)
    if isinstance(param, Float):
        low, high = (log(param.low), log(param.high)) if param.log else (param.low, param.high)
        value = rng.uniform(low, high)
        return exp(value) if param.log else value
    if param.log:
        return round(exp(rng.uniform(log(param.low), log(param.high))))
    return rng.randrange(param.low, param.high + 1, param.step)


def _still_possible(param: Param, earlier: Mapping[str, Param]) -> Param | None:
    """Keep the conditions that can still be met; None when the parameter can no longer apply."""
    kept: dict[str, tuple[Value, ...]] = {}
    for parent, values in (param.when or {}).items():
        possible = tuple(value for value in values if parent in earlier and earlier[parent].contains(value))
        if not possible:
            return None
        kept[parent] = possible
    return replace(param, when=kept) if kept else param


def _count(param: Param) -> int | None:
    if isinstance(param, Int):
        return (param.high - param.low) // param.step + 1
    values = param.values()
    return None if values is None else len(values)


def _from_description(described: Mapping[str, Any]) -> Param:  # JSON
    when = {parent: tuple(values) for parent, values in described["when"].items()} or None
    if described["kind"] == "choice":
        return Choice(tuple(described["options"]), when)
    if described["kind"] == "float":
        return Float(described["low"], described["high"], described["log"], when)
    return Int(described["low"], described["high"], described["step"], described["log"], when)
