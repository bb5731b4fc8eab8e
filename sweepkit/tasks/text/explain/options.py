"""Which part of a model to look at. Imports nothing heavy, so that a command's `--help` stays instant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

LayerDirection = Literal["forward", "backward"]


@dataclass(frozen=True, slots=True)
class View:
    """One direction of one recurrent layer, and some of its units.

    Attributes:
        layer: which recurrent layer, from 1, the lowest; None for the top one.
        direction: of reading.
        units: which units, in this order; none for those that vary most over the text.
        most: how many of these.
    """

    layer: int | None = None
    direction: LayerDirection = "forward"
    units: tuple[int, ...] = ()
    most: int = 40
