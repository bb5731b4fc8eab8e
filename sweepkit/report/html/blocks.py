"""What a page is made of: sections of blocks. Values only; the template knows how each kind looks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from sweepkit.report.html.charts.plotly import Figure


@dataclass(frozen=True)
class Text:
    """A sentence; `tone` is "plain", "loud" for what must not be overlooked, or "quiet" for what is missing."""

    kind: ClassVar[str] = "text"
    text: str
    tone: str = "plain"


@dataclass(frozen=True)
class Plot:
    """A figure.

    Attributes:
        figure: what Plotly draws.
        alt: what it shows, for those who cannot see it.
        widest: pixels beyond which it does not grow; None for as wide as the page.
    """

    kind: ClassVar[str] = "plot"
    figure: Figure
    alt: str
    widest: int | None = None


@dataclass(frozen=True)
class Dots:
    """Trials as marks, as `dots` places them; `alt` is as above."""

    kind: ClassVar[str] = "dots"
    figure: Figure
    alt: str


@dataclass(frozen=True)
class Parallel:
    """Parallel coordinates, as `parallel` places them; `alt` is as above."""

    kind: ClassVar[str] = "parallel"
    figure: Figure
    alt: str


@dataclass(frozen=True)
class Grid:
    """Figures side by side, as many as fit."""

    kind: ClassVar[str] = "grid"
    figures: Sequence[Dots]


@dataclass(frozen=True)
class Table:
    """A table of texts; the columns in `left` hold words, all others numbers."""

    kind: ClassVar[str] = "table"
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    left: frozenset[int] = frozenset({0})


@dataclass(frozen=True)
class Board:
    """The leaderboard: a table that sorts, of which the first `shown` rows are there from the start.

    `trial`, `state` and `reason` are the columns that say which trial a row is of and how it ended; `params` is
    where the columns of parameters begin, which end where `reason` is.
    """

    kind: ClassVar[str] = "board"
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    trial: int
    state: int
    params: int
    reason: int
    left: frozenset[int]
    shown: int = 50


@dataclass(frozen=True)
class Facts:
    """Names and what they are."""

    kind: ClassVar[str] = "facts"
    pairs: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Tiles:
    """A few figures to see at a glance: (name, figure, note)."""

    kind: ClassVar[str] = "tiles"
    tiles: Sequence[tuple[str, str, str]]


@dataclass(frozen=True)
class Selection:
    """Blocks of which a reader selects one group; the first is shown."""

    kind: ClassVar[str] = "selection"
    label: str
    groups: Sequence[tuple[str, Sequence[Block]]]


@dataclass(frozen=True)
class Details:
    """A long text that is folded away."""

    kind: ClassVar[str] = "details"
    summary: str
    text: str


@dataclass(frozen=True)
class Quotes:
    """Texts, each with a line above it."""

    kind: ClassVar[str] = "quotes"
    quotes: Sequence[tuple[str, str]]


Drawn = Plot | Dots | Parallel
Block = Text | Drawn | Grid | Table | Board | Facts | Tiles | Selection | Details | Quotes


@dataclass(frozen=True)
class Section:
    """A part of the page.

    Attributes:
        anchor: to link to.
        title: its heading.
        how: how to read it, in a user's words.
        blocks: its content.
    """

    anchor: str
    title: str
    how: str
    blocks: Sequence[Block] = field(default_factory=tuple)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing but a word on why there is nothing."""
        return all(isinstance(block, Text) and block.tone == "quiet" for block in self.blocks)
