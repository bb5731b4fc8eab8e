"""A picture of blocks below each other, each as high as its content, measured in inches from the top left corner.

Matplotlib needs a figure's size before anything is drawn, so a block is added with its height and drawn later. Try
`Sheet(9).add(1.5, draw)`, with `draw(figure, area)`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextToPath

from sweepkit.tasks.text.explain.png.fonts import drawable, families

POINTS = 72  # an inch
_LINE = 1.35  # from one line of text to the next, in font sizes


@dataclass(frozen=True, slots=True)
class Area:
    """A rectangle on a sheet, in inches; `top` is counted downwards."""

    left: float
    top: float
    width: float
    height: float


Draw = Callable[[Figure, Area], None]


@dataclass
class Sheet:
    """Blocks of one width.

    Attributes:
        width: of the picture.
        margin: left free on every side.
    """

    width: float
    margin: float = 0.3
    _blocks: list[tuple[float, Draw]] = field(default_factory=list)

    def add(self, height: float, draw: Draw) -> None:
        """Add a block of this height below the others."""
        self._blocks.append((height, draw))

    def space(self, height: float) -> None:
        self.add(height, lambda *_: None)

    def write(self, text: str, size: float, *, bold: bool = False, colour: str = "#1a1a1a") -> None:
        """Add a block of text, in as many lines as it needs."""
        lines = wrapped(text, size, self.width - 2 * self.margin, bold=bold)

        def draw(figure: Figure, area: Area) -> None:
            for number, line in enumerate(lines):
                place = position(figure, area.left, area.top + (number + 0.5) * line_height(size))
                weight = "bold" if bold else "normal"
                figure.text(*place, line, size=size, weight=weight, color=colour, va="center_baseline")

        self.add(len(lines) * line_height(size), draw)

    def figure(self, dpi: int) -> Figure:
        """Draw all blocks."""
        height = sum(height for height, _ in self._blocks) + 2 * self.margin
        figure = Figure(figsize=(self.width, height), dpi=dpi, facecolor="white")
        top = self.margin
        for block_height, draw in self._blocks:
            draw(figure, Area(self.margin, top, self.width - 2 * self.margin, block_height))
            top += block_height
        return figure


def line_height(size: float) -> float:
    """Return the height of a line of text, in inches."""
    return _LINE * size / POINTS


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """Return the width of a line of text, in inches; its characters must be drawable."""
    font = FontProperties(family=list(families()), size=size, weight="bold" if bold else "normal")
    width: float = TextToPath().get_text_width_height_descent(text, font, ismath=False)[0]
    return width / POINTS


def wrapped(text: str, size: float, width: float, *, bold: bool = False) -> list[str]:
    """Break text into lines of at most a width, in inches, between words; a word that is too wide is cut."""
    lines = [""]
    for word in drawable(text).split():
        longer = f"{lines[-1]} {word}".strip()
        if text_width(longer, size, bold=bold) <= width:
            lines[-1] = longer
        else:
            lines.append(fitting(word, size, width, bold=bold))
    return [line for line in lines if line]


def fitting(text: str, size: float, width: float, *, bold: bool = False) -> str:
    """Cut a text that is too wide, and end it with an ellipsis."""
    shown = text
    while text_width(shown, size, bold=bold) > width and len(shown) > 1:
        shown = shown[: max(len(shown) * 9 // 10 - 1, 0)] + "…"
    return shown


def position(figure: Figure, left: float, top: float) -> tuple[float, float]:
    """Convert inches from the top left corner into fractions of the figure from the bottom left."""
    width, height = figure.get_size_inches()
    return left / width, 1 - top / height


def axes(figure: Figure, area: Area) -> Axes:
    """Add axes that fill an area."""
    width, height = figure.get_size_inches()
    left, bottom = position(figure, area.left, area.top + area.height)
    return figure.add_axes((left, bottom, area.width / width, area.height / height))


def spread(centers: Iterable[float], widths: Iterable[float], low: float, high: float) -> list[float]:
    """Return the centres of labels, moved sideways so that none touches the one before or leaves [low, high]."""
    placed: list[float] = []
    sizes, right = list(widths), low
    for center, width in zip(centers, sizes, strict=True):
        placed.append(max(center, right + width / 2))
        right = placed[-1] + width / 2
    left = high
    for i in range(len(placed) - 1, -1, -1):
        placed[i] = min(placed[i], left - sizes[i] / 2)
        left = placed[i] - sizes[i] / 2
    return placed
