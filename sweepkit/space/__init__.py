"""The parameters that a sweep varies, and the search space made of them."""

from sweepkit.space.parameters import Choice, Conditions, Float, Int, Param, SpaceError, Value, is_number, is_whole
from sweepkit.space.space import Params, Space

__all__ = [
    "Choice",
    "Conditions",
    "Float",
    "Int",
    "Param",
    "Params",
    "Space",
    "SpaceError",
    "Value",
    "is_number",
    "is_whole",
]
