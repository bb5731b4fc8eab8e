"""The coloured text of a picture: every token on a box in the colour of one unit, broken into lines."""

from __future__ import annotations

from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from sweepkit.tasks.text.explain import captions
from sweepkit.tasks.text.explain.colours import background, ink
from sweepkit.tasks.text.explain.explanation import Explanation, Heat
from sweepkit.tasks.text.explain.png.fonts import drawable
from sweepkit.tasks.text.explain.png.sheet import Area, Sheet, axes, fitting, text_width
from sweepkit.tasks.text.explain.tokens import is_right_to_left, plain, shortened

_SIZE = 9.5
_LINE, _BOX = 0.255, 0.205  # from line to line, and the height of a token's box, in inches
_PAD, _GAP = 0.045, 0.035  # left and right of a token in its box, and between boxes
_LONGEST = 30


@dataclass(frozen=True, slots=True)
class _Placed:
    """A token in its line; `left` and `width` of its box in inches."""

    text: str
    line: int
    left: float
    width: float


def add_text(sheet: Sheet, explanation: Explanation, heat: Heat, colours: Colormap) -> None:
    """Add the text in the colours of the first unit."""
    sheet.space(0.1)
    sheet.write(f"The text, coloured by unit {heat.units[0]}", 11, bold=True)
    sheet.write(captions.coloured_text(heat), 8.5)
    sheet.add(0.3, lambda figure, area: _legend(figure, area, colours))
    width = sheet.width - 2 * sheet.margin
    tokens = [shortened(drawable(plain(token)), _LONGEST) for token in explanation.tokens]
    placed = _placed(tokens, width, is_turned=is_right_to_left(tokens))

    def draw(figure: Figure, area: Area) -> None:
        plot = axes(figure, area)
        plot.set(xlim=(0, area.width), ylim=(area.height, 0))
        plot.set_axis_off()
        for token, value, unknown in zip(placed, heat.values[:, 0], explanation.unknown, strict=True):
            _draw_token(plot, token, float(value), is_unknown=unknown)

    sheet.add((placed[-1].line + 1) * _LINE, draw)
    if any(explanation.unknown):
        sheet.write("Dotted underline: the word is not in the model's vocabulary.", 8, colour="#5a5a5a")


def _placed(tokens: list[str], width: float, *, is_turned: bool) -> list[_Placed]:
    """Break tokens into lines that start on the right if the script does."""
    placed: list[_Placed] = []
    line, left = 0, 0.0
    for token in tokens:
        shown = fitting(token, _SIZE, width - 2 * _PAD)
        box = text_width(shown, _SIZE) + 2 * _PAD
        if left and left + box > width:
            line, left = line + 1, 0.0
        placed.append(_Placed(shown, line, width - left - box if is_turned else left, box))
        left += box + _GAP
    return placed


def _draw_token(plot: Axes, token: _Placed, value: float, *, is_unknown: bool) -> None:
    colour, top = background(value), token.line * _LINE
    plot.add_patch(Rectangle((token.left, top), token.width, _BOX, facecolor=colour, edgecolor="none"))
    middle = token.left + token.width / 2
    label = plot.text(middle, top + _BOX / 2, token.text, size=_SIZE, color=ink(colour))
    label.set(horizontalalignment="center", verticalalignment="center_baseline")
    if is_unknown:
        ends = (token.left + _PAD, token.left + token.width - _PAD)
        plot.plot(ends, (top + _BOX - 0.022,) * 2, color=ink(colour), linewidth=0.9, linestyle=(0, (1, 1.5)))


def _legend(figure: Figure, area: Area, colours: Colormap) -> None:
    name = "activation  0"
    left = text_width(name, 8) + 0.1
    bar = axes(figure, Area(area.left + left, area.top + 0.08, 1.6, 0.1))
    figure.colorbar(ScalarMappable(Normalize(0, 1), colours), cax=bar, orientation="horizontal", ticks=[])
    bar.text(-0.04, 0.5, name, transform=bar.transAxes, ha="right", va="center", size=8)
    bar.text(1.04, 0.5, "1", transform=bar.transAxes, ha="left", va="center", size=8)
