"""The kinds of value in a sweep file: strict models, and types with their limits and patterns."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from sweepkit.space import is_number

NAME = r"^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,99}$"
IDENTIFIER = r"^[A-Za-z_][A-Za-z0-9_]{0,99}$"
LINE = r"^[^\x00-\x1f\x7f]*$"


def _checked_gpu(value: object) -> object:
    if value == "auto" or (is_number(value) and value >= 0):  # type: ignore[operator]  # a number
        return value
    raise ValueError(f"must be 'auto' or a number of at least 0, got {value!r}")


Seed = Annotated[int, Field(ge=0, lt=2**32)]
Count = Annotated[int, Field(ge=1, le=1_000_000)]  # far more than any sweep needs; beyond it, estimates take long
Name = Annotated[str, Field(pattern=NAME)]
PackageName = Annotated[str, Field(pattern=IDENTIFIER)]
Title = Annotated[str, Field(min_length=1, max_length=200, pattern=LINE)]
Place = Annotated[str, Field(min_length=1, max_length=1000, pattern=LINE)]
Gpu = Annotated[float | Literal["auto"], BeforeValidator(_checked_gpu)]
SamplerName = Literal["tpe", "random", "grid", "qmc", "gp", "cmaes"]
RuleName = Literal["asha", "hyperband", "median", "none"]


class Strict(BaseModel):
    """Frozen; rejects unknown keys, a bool for a number and a number for text."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)
