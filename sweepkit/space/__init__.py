"""What may vary in a sweep: parameters, and the space that they make together."""

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
