"""One parameter of a search space: a Float, an Int or a Choice, and how a YAML narrows it.

Values only: nothing here draws numbers or knows a sampler. Try `Int(8, 512, step=8).narrow([32, 64])`.
What a user may write for a parameter is a value (fixes it), a list (only these) or `{from:, to:}` with
optional `step:` and `log:` (a smaller range). A step says how finely a sampler draws; a value that is written
out may be any inside the range.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from sweepkit.formatting import listed, nearest

Value = bool | int | float | str
Conditions = Mapping[str, tuple[Value, ...]]
Issue = tuple[tuple[str, ...], str]
"""Where below the parameter, and what is wrong: `(("from",), "must be …")`."""


class SpaceError(ValueError):
    """The declaration of a space contradicts itself: a mistake in a sweep package's space.py."""


@dataclass(frozen=True, slots=True)
class Float:
    """A number in [low, high]; `log` draws it evenly on a logarithmic scale."""

    low: float
    high: float
    log: bool = False
    when: Conditions | None = None

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low <= self.high):
            raise SpaceError(f"a Float needs finite low <= high, got {self.low!r} and {self.high!r}")
        if self.log and self.low <= 0:
            raise SpaceError(f"a Float on a log scale needs low > 0, got {self.low!r}")
        object.__setattr__(self, "low", float(self.low))  # 0 and 0.0 declare the same space
        object.__setattr__(self, "high", float(self.high))

    def contains(self, value: object) -> bool:
        return is_number(value) and self.low <= float(value) <= self.high  # type: ignore[arg-type]  # a number

    def values(self) -> tuple[Value, ...] | None:
        """List the values a grid would try; None where there is no end of them."""
        return (self.low,) if self.low == self.high else None

    def issue(self, value: object) -> str | None:
        """Say why this value cannot be taken; None if it can."""
        if not is_number(value):
            return f"must be a number, got {value!r}"
        return None if self.contains(value) else f"must be within {self.low:g} to {self.high:g}, got {value!r}"

    def narrow(self, wanted: object) -> tuple[Param, list[Issue]]:
        """Return the narrowed parameter, or this one and what is wrong with `wanted`."""
        if not isinstance(wanted, Mapping):
            chosen, issues = _picked(self, wanted)
            return (Choice(tuple(sorted(map(float, chosen))), self.when), []) if not issues else (self, issues)
        low, high = wanted.get("from", self.low), wanted.get("to", self.high)
        issues = _range_faults(self, wanted, ("from", "to", "log"))
        log = wanted.get("log", self.log)
        if not issues and log and low <= 0:
            issues = [(("log",), f"a log scale needs from > 0, got {low!r}")]
        return (self, issues) if issues else (replace(self, low=float(low), high=float(high), log=log), [])

    def describe(self) -> dict[str, object]:
        return {"kind": "float", **_fields(self)}


@dataclass(frozen=True, slots=True)
class Int:
    """A whole number low, low + step, … high; `log` draws it evenly on a logarithmic scale (with step 1)."""

    low: int
    high: int
    step: int = 1
    log: bool = False
    when: Conditions | None = None

    def __post_init__(self) -> None:
        if self.low > self.high or self.step < 1 or (self.high - self.low) % self.step:
            raise SpaceError(f"an Int needs high = low + a multiple of step >= 1, got {self!r}")
        if self.log and (self.low <= 0 or self.step != 1):
            raise SpaceError(f"an Int on a log scale needs low > 0 and step 1, got {self!r}")

    def contains(self, value: object) -> bool:
        return is_whole(value) and self.low <= value <= self.high  # type: ignore[operator]  # a whole number

    def values(self) -> tuple[Value, ...] | None:
        """List the values a grid would try."""
        return tuple(range(self.low, self.high + 1, self.step))

    def issue(self, value: object) -> str | None:
        """Say why this value cannot be taken; None if it can."""
        if not is_whole(value):
            return f"must be a whole number, got {value!r}"
        return None if self.contains(value) else f"must be within {self.low} to {self.high}, got {value!r}"

    def narrow(self, wanted: object) -> tuple[Param, list[Issue]]:
        """Return the narrowed parameter, or this one and what is wrong with `wanted`."""
        if not isinstance(wanted, Mapping):
            chosen, issues = _picked(self, wanted)
            return (Choice(tuple(sorted(chosen)), self.when), []) if not issues else (self, issues)
        issues = _range_faults(self, wanted, ("from", "to", "step", "log"))
        if issues:
            return self, issues
        low, high = wanted.get("from", self.low), wanted.get("to", self.high)
        log = wanted.get("log", self.log)
        step = wanted.get("step", 1 if log else self.step)
        issues = _step_faults(low, high, step, log)
        return (self, issues) if issues else (Int(low, high, step, log, self.when), [])

    def describe(self) -> dict[str, object]:
        return {"kind": "int", **_fields(self)}


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few values; their order carries no meaning."""

    options: tuple[Value, ...]
    when: Conditions | None = None

    def __post_init__(self) -> None:
        if not self.options:
            raise SpaceError("a Choice needs at least one option")
        if any(self.index(option) != place for place, option in enumerate(self.options)):
            raise SpaceError(f"a Choice lists an option twice: {listed(self.options)}")

    def index(self, value: object) -> int | None:
        """Find the value among the options; True is not 1, but 1 is 1.0."""
        return next((place for place, option in enumerate(self.options) if _same(option, value)), None)

    def contains(self, value: object) -> bool:
        return self.index(value) is not None

    def values(self) -> tuple[Value, ...] | None:
        """List the values a grid would try."""
        return self.options

    def issue(self, value: object) -> str | None:
        """Say why this value cannot be taken; None if it can."""
        if self.contains(value):
            return None
        if isinstance(value, str) and all(isinstance(option, str) for option in self.options):
            return f"unknown option {value!r}; {nearest(value, map(str, self.options))}"
        return f"must be one of {listed(self.options)}, got {value!r}"

    def narrow(self, wanted: object) -> tuple[Param, list[Issue]]:
        """Return the narrowed parameter, or this one and what is wrong with `wanted`."""
        if isinstance(wanted, Mapping):
            return self, [((), f"takes a value or a list of values, not a range; allowed: {listed(self.options)}")]
        chosen, issues = _picked(self, wanted)
        if issues:
            return self, issues
        # in the declared order, so that the order in a YAML changes no digest
        kept = tuple(option for option in self.options if any(_same(option, one) for one in chosen))
        return replace(self, options=kept), []

    def describe(self) -> dict[str, object]:
        return {"kind": "choice", **_fields(self)}


Param = Float | Int | Choice


def is_whole(value: object) -> bool:
    """Whether this is an int and not a bool."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: object) -> bool:
    """Whether this is a finite int or float and not a bool."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _picked(param: Param, wanted: object) -> tuple[list[Any], list[Issue]]:  # values, once without fault
    """Check a value or a list of values; the values are only meaningful when there is no fault."""
    if wanted is None:
        return [], [((), "has no value; give a value, a list of values or {from:, to:}")]
    values: list[object] = wanted if isinstance(wanted, list) else [wanted]
    if not values:
        return [], [((), "the list is empty, so nothing is left to try")]
    issues: list[Issue] = []
    for place, value in enumerate(values):
        below = (str(place),) if isinstance(wanted, list) else ()
        message = param.issue(value)
        if message is None and any(_same(value, earlier) for earlier in values[:place]):
            message = f"{value!r} is listed twice"
        if message:
            issues.append((below, message))
    return values, issues


def _range_faults(param: Float | Int, wanted: Mapping[str, object], keys: tuple[str, ...]) -> list[Issue]:
    """Check `{from:, to:, …}` apart from how its parts fit together on a scale."""
    issues: list[Issue] = [
        ((str(key),), f"unknown key {key!r}; {nearest(str(key), keys)}") for key in wanted if key not in keys
    ]
    if not wanted:
        issues.append(((), "a range needs from: or to:"))
    for key in ("from", "to"):
        if key in wanted and (message := param.issue(wanted[key])):
            issues.append(((key,), message))
    if not isinstance(wanted.get("log", False), bool):
        issues.append((("log",), f"must be true or false, got {wanted['log']!r}"))
    step = wanted.get("step", 1)
    if "step" in keys and not (is_whole(step) and step >= 1):  # type: ignore[operator]  # a whole number
        issues.append((("step",), f"must be a whole number of at least 1, got {step!r}"))
    if not issues:
        low, high = wanted.get("from", param.low), wanted.get("to", param.high)
        if low > high:  # type: ignore[operator]  # both are numbers: checked above
            issues.append((("from",), f"the range is empty: from {low!r} is above to {high!r}"))
    return issues


def _step_faults(low: int, high: int, step: int, log: bool) -> list[Issue]:
    if log and step != 1:
        return [(("step",), f"a log scale has no step, got step {step}; leave out step or log")]
    if log and low <= 0:
        return [(("log",), f"a log scale needs from > 0, got {low!r}")]
    rest = (high - low) % step
    if rest:
        below, above = high - rest, high - rest + step
        message = f"{high} is not reached from {low} in steps of {step}; take {below} or {above}, or set step:"
        return [(("to",), message)]
    return []


def _same(one: object, other: object) -> bool:
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def _fields(param: Param) -> dict[str, object]:
    """Turn a parameter into JSON-able values, conditions last."""
    fields: dict[str, object] = {name: value for name, value in asdict(param).items() if name != "when"}
    if isinstance(param, Choice):
        fields["options"] = list(param.options)
    fields["when"] = {parent: list(values) for parent, values in (param.when or {}).items()}
    return fields
