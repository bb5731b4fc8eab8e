"""One parameter of a search space: a Float, an Int or a Choice, and how a YAML narrows it.

In a YAML, the setting of a parameter is a value (fixes the parameter), a list (only these values) or `{from:, to:}`
with optional `step:` and `log:` (a smaller range). A step applies to sampling and to a grid; a value that is written
out may be any value inside the range. Independent of any sampler. Try `Int(8, 512, step=8).narrow([32, 64])`.
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
"""The keys below the parameter, and what is wrong: `(("from",), "must be …")`."""


class SpaceError(ValueError):
    """The declaration of a space contradicts itself: a bug in a sweep package's space.py."""


@dataclass(frozen=True, slots=True)
class Float:
    """A number in [low, high]; `log` samples uniformly on a logarithmic scale."""

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
        """List the values of a grid; None if the parameter is continuous."""
        return (self.low,) if self.low == self.high else None

    def issue(self, value: object) -> str | None:
        """Say why a value is not allowed; None if it is allowed."""
        if not is_number(value):
            return f"must be a number, got {value!r}"
        return None if self.contains(value) else f"must be within {self.low:g} to {self.high:g}, got {value!r}"

    def narrow(self, setting: object) -> tuple[Param, list[Issue]]:
        """Return the narrowed parameter; or, if the setting is wrong, this parameter and the issues."""
        if not isinstance(setting, Mapping):
            values, issues = _checked_values(self, setting)
            return (Choice(tuple(sorted(map(float, values))), self.when), []) if not issues else (self, issues)
        low, high = setting.get("from", self.low), setting.get("to", self.high)
        issues = _range_issues(self, setting, ("from", "to", "log"))
        log = setting.get("log", self.log)
        if not issues and log and low <= 0:
            issues = [(("log",), f"a log scale needs from > 0, got {low!r}")]
        return (self, issues) if issues else (replace(self, low=float(low), high=float(high), log=log), [])

    def describe(self) -> dict[str, object]:
        return {"kind": "float", **_fields(self)}


@dataclass(frozen=True, slots=True)
class Int:
    """A whole number low, low + step, … high; `log` samples uniformly on a logarithmic scale (with step 1)."""

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
        """List the values of a grid."""
        return tuple(range(self.low, self.high + 1, self.step))

    def issue(self, value: object) -> str | None:
        """Say why a value is not allowed; None if it is allowed."""
        if not is_whole(value):
            return f"must be a whole number, got {value!r}"
        return None if self.contains(value) else f"must be within {self.low} to {self.high}, got {value!r}"

    def narrow(self, setting: object) -> tuple[Param, list[Issue]]:
        """Return the narrowed parameter; or, if the setting is wrong, this parameter and the issues."""
        if not isinstance(setting, Mapping):
            values, issues = _checked_values(self, setting)
            return (Choice(tuple(sorted(values)), self.when), []) if not issues else (self, issues)
        issues = _range_issues(self, setting, ("from", "to", "step", "log"))
        if issues:
            return self, issues
        low, high = setting.get("from", self.low), setting.get("to", self.high)
        log = setting.get("log", self.log)
        step = setting.get("step", 1 if log else self.step)
        issues = _step_issues(low, high, step, log)
        return (self, issues) if issues else (Int(low, high, step, log, self.when), [])

    def describe(self) -> dict[str, object]:
        return {"kind": "int", **_fields(self)}


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few values in no particular order."""

    options: tuple[Value, ...]
    when: Conditions | None = None

    def __post_init__(self) -> None:
        if not self.options:
            raise SpaceError("a Choice needs at least one option")
        if any(self.index(option) != position for position, option in enumerate(self.options)):
            raise SpaceError(f"a Choice lists an option twice: {listed(self.options)}")

    def index(self, value: object) -> int | None:
        """Return the position of a value among the options, or None; True is not 1, but 1 is 1.0."""
        return next((position for position, option in enumerate(self.options) if _same(option, value)), None)

    def contains(self, value: object) -> bool:
        return self.index(value) is not None

    def values(self) -> tuple[Value, ...] | None:
        """List the values of a grid."""
        return self.options

    def issue(self, value: object) -> str | None:
        """Say why a value is not allowed; None if it is allowed."""
        if self.contains(value):
            return None
        if isinstance(value, str) and all(isinstance(option, str) for option in self.options):
            return f"unknown option {value!r}; {nearest(value, map(str, self.options))}"
        return f"must be one of {listed(self.options)}, got {value!r}"

    def narrow(self, setting: object) -> tuple[Param, list[Issue]]:
        """Return the narrowed parameter; or, if the setting is wrong, this parameter and the issues."""
        if isinstance(setting, Mapping):
            return self, [((), f"takes a value or a list of values, not a range; allowed: {listed(self.options)}")]
        values, issues = _checked_values(self, setting)
        if issues:
            return self, issues
        # in the declared order, so that the order in a YAML does not change the digest
        kept = tuple(option for option in self.options if any(_same(option, one) for one in values))
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


def _checked_values(param: Param, setting: object) -> tuple[list[Any], list[Issue]]:  # of the parameter's type if valid
    """Check a value or a list of values; the returned values are valid only if there are no issues."""
    if setting is None:
        return [], [((), "has no value; give a value, a list of values or {from:, to:}")]
    values: list[object] = setting if isinstance(setting, list) else [setting]
    if not values:
        return [], [((), "the list is empty, so nothing is left to try")]
    issues: list[Issue] = []
    for position, value in enumerate(values):
        below = (str(position),) if isinstance(setting, list) else ()
        message = param.issue(value)
        if message is None and any(_same(value, earlier) for earlier in values[:position]):
            message = f"{value!r} is listed twice"
        if message:
            issues.append((below, message))
    return values, issues


def _range_issues(param: Float | Int, setting: Mapping[str, object], keys: tuple[str, ...]) -> list[Issue]:
    """Check each entry of `{from:, to:, …}`; whether they fit a step or a log scale is checked later."""
    issues: list[Issue] = [
        ((str(key),), f"unknown key {key!r}; {nearest(str(key), keys)}") for key in setting if key not in keys
    ]
    if not setting:
        issues.append(((), "a range needs from: or to:"))
    for key in ("from", "to"):
        if key in setting and (message := param.issue(setting[key])):
            issues.append(((key,), message))
    if not isinstance(setting.get("log", False), bool):
        issues.append((("log",), f"must be true or false, got {setting['log']!r}"))
    step = setting.get("step", 1)
    if "step" in keys and not (is_whole(step) and step >= 1):  # type: ignore[operator]  # a whole number
        issues.append((("step",), f"must be a whole number of at least 1, got {step!r}"))
    if not issues:
        low, high = setting.get("from", param.low), setting.get("to", param.high)
        if low > high:  # type: ignore[operator]  # both are numbers: checked above
            issues.append((("from",), f"the range is empty: from {low!r} is above to {high!r}"))
    return issues


def _step_issues(low: int, high: int, step: int, log: bool) -> list[Issue]:
    """Check that a range fits its step and its scale."""
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
    """Whether two values are equal, where a bool is not a number."""
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def _fields(param: Param) -> dict[str, object]:
    """Return a parameter's fields as JSON values, conditions last."""
    fields: dict[str, object] = {name: value for name, value in asdict(param).items() if name != "when"}
    if isinstance(param, Choice):
        fields["options"] = list(param.options)
    fields["when"] = {parent: list(values) for parent, values in (param.when or {}).items()}
    return fields
