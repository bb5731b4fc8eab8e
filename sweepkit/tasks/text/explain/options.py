"""The part of a model to explain. Imports nothing heavy, so that a command's `--help` stays instant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

LayerDirection = Literal["forward", "backward"]


@dataclass(frozen=True, slots=True)
class View:
    """One direction of one recurrent layer, and some of its units.

    Attributes:
        layer: number of the recurrent layer, 1 for the lowest; None for the top one.
        direction: of reading.
        units: to show, in this order; empty for those that vary most over the text.
        most: how many of the most varying units to show.
    """

    layer: int | None = None
    direction: LayerDirection = "forward"
    units: tuple[int, ...] = ()
    most: int = 40
