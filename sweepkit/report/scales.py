"""Positions of a parameter's values on an axis: options side by side, numbers linear or logarithmic, "not used" below.

Try `Scale.of(Float(1e-4, 1e-1, log=True), [1e-3]).place(1e-3)`, which is -3.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sweepkit import formatting
from sweepkit.space import Choice, Param, Value

_MOST_TICKS = 6


@dataclass(frozen=True, slots=True)
class Scale:
    """The axis of one parameter.

    Attributes:
        options: the options side by side; None for numbers.
        log: whether places are logarithms to the base 10.
        low: place of the lower end.
        high: place of the upper end.
    """

    options: tuple[Value, ...] | None
    log: bool
    low: float
    high: float

    @classmethod
    def of(cls, param: Param, values: Sequence[Value]) -> Scale:
        """Build the axis of a parameter that had these values: a Choice's options, a number's declared range."""
        if isinstance(param, Choice):
            return cls(tuple(values), False, 0.0, max(len(values) - 1.0, 0.0))
        ends = [param.low, param.high, *(float(value) for value in values)]
        low, high = min(ends), max(ends)
        return cls(None, param.log, _placed(low, param.log), _placed(high, param.log))

    @classmethod
    def numbers(cls, low: float, high: float, *, log: bool = False) -> Scale:
        """Build an axis of numbers."""
        return cls(None, log, _placed(low, log), _placed(high, log))

    def place(self, value: Value | None) -> float:
        """Return the place of a value; None stands for a parameter that the trial does not use."""
        if value is None:
            return self.absent
        if self.options is None:
            return _placed(float(value), self.log)
        return float([repr(option) for option in self.options].index(repr(value)))

    def spread(self, value: Value | None, trial: int) -> float:
        """Return the place of a trial's value; where many trials share a place, each has its own small offset."""
        place = self.place(value)
        if value is not None and self.options is None:
            return place
        width = 0.3 if self.options is not None else 0.06 * ((self.high - self.low) or 1.0)
        return place + width * ((trial * 0.618034) % 1 - 0.5)

    @property
    def absent(self) -> float:
        """The place of "not used", below all others."""
        return self.low - (1.0 if self.options is not None else 0.2 * ((self.high - self.low) or 1.0))

    def ticks(self, *, with_absent: bool = False) -> list[tuple[float, str]]:
        """Return (place, text) of every label of the axis."""
        if self.options is not None:
            ticks = [(float(place), formatting.value(option)) for place, option in enumerate(self.options)]
        else:
            ticks = [(_placed(tick, self.log), f"{tick:.12g}") for tick in self._round_numbers()]
        return [(self.absent, formatting.NOT_USED), *ticks] if with_absent else ticks

    def _round_numbers(self) -> list[float]:
        """Return a few round numbers on the axis, or its ends if it holds fewer than two."""
        ends = [10**self.low, 10**self.high] if self.log else [self.low, self.high]
        inside = [tick for tick in _rounded(*ends, log=self.log) if ends[0] <= tick <= ends[1]]
        return inside if len(inside) > 1 else sorted({float(f"{end:.3g}") for end in ends})


def _placed(number: float, log: bool) -> float:
    return math.log10(number) if log else number


def _rounded(low: float, high: float, *, log: bool) -> list[float]:
    if log:
        decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        factors = (1, 2, 5) if len(decades) <= 2 else (1, 3) if len(decades) <= 4 else (1,)
        return [float(f"{factor}e{decade}") for decade in decades for factor in factors]
    if high <= low:
        return [low]
    raw = (high - low) / (_MOST_TICKS - 1)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= raw * 0.999)
    return [float(f"{i * step:.10g}") for i in range(math.floor(low / step), math.ceil(high / step) + 1)]
