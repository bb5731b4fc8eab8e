"""What the page is made of: sections of blocks. They hold values only; `assets/page.html` renders each kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from sweepkit.report.html.charts.plotly import Figure


@dataclass(frozen=True)
class Text:
    """A sentence; `tone` is "plain", "loud" for the main result, or "quiet" for the reason why something is missing."""

    kind: ClassVar[str] = "text"
    text: str
    tone: str = "plain"


@dataclass(frozen=True)
class Plot:
    """A Plotly figure.

    Attributes:
        figure: Plotly's JSON.
        alt: description for screen readers.
        widest: maximum width in pixels; None for the width of the page.
    """

    kind: ClassVar[str] = "plot"
    figure: Figure
    alt: str
    widest: int | None = None


@dataclass(frozen=True)
class Dots:
    """A scatter plot of trials, with positions from `charts.scatter`; `alt` describes it for screen readers."""

    kind: ClassVar[str] = "dots"
    figure: Figure
    alt: str


@dataclass(frozen=True)
class Parallel:
    """Parallel coordinates, with positions from `charts.parallel`; `alt` describes them for screen readers."""

    kind: ClassVar[str] = "parallel"
    figure: Figure
    alt: str


@dataclass(frozen=True)
class Grid:
    """Scatter plots side by side, as many as fit."""

    kind: ClassVar[str] = "grid"
    figures: Sequence[Dots]


@dataclass(frozen=True)
class Table:
    """A table of texts; the columns in `left` hold words and are aligned left, all others hold numbers."""

    kind: ClassVar[str] = "table"
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    left: frozenset[int] = frozenset({0})


@dataclass(frozen=True)
class Board:
    """The leaderboard: a sortable table, which first shows `shown` rows.

    `trial`, `state` and `reason` are columns by index; those of the parameters run from `params` up to `reason`.
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
    """A list of names and values."""

    kind: ClassVar[str] = "facts"
    pairs: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Tiles:
    """The main figures of a sweep: (name, figure, note)."""

    kind: ClassVar[str] = "tiles"
    tiles: Sequence[tuple[str, str, str]]


@dataclass(frozen=True)
class Selection:
    """Groups of blocks, one shown at a time by a selection box; the first is shown initially."""

    kind: ClassVar[str] = "selection"
    label: str
    groups: Sequence[tuple[str, Sequence[Block]]]


@dataclass(frozen=True)
class Details:
    """A long text, collapsed."""

    kind: ClassVar[str] = "details"
    summary: str
    text: str


@dataclass(frozen=True)
class Quotes:
    """Quoted texts, each with a heading: (heading, text)."""

    kind: ClassVar[str] = "quotes"
    quotes: Sequence[tuple[str, str]]


Drawn = Plot | Dots | Parallel
Block = Text | Drawn | Grid | Table | Board | Facts | Tiles | Selection | Details | Quotes


@dataclass(frozen=True)
class Section:
    """A section of the page.

    Attributes:
        anchor: its id in links.
        title: its heading.
        caption: how to read it.
        blocks: its content.
    """

    anchor: str
    title: str
    caption: str
    blocks: Sequence[Block] = field(default_factory=tuple)

    @property
    def is_empty(self) -> bool:
        """Whether it holds nothing but the reason why it is empty."""
        return all(isinstance(block, Text) and block.tone == "quiet" for block in self.blocks)
