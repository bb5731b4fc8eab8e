"""An explanation as one PNG: heat map, coloured text and running prediction below each other.

Like `page`, but for paper and slides: one unit colours the text, and in a long text not every token is labelled. Try
`write(explain(model, text, View()), Path("out.png"))`.
"""

from __future__ import annotations

import io
from contextlib import AbstractContextManager
from pathlib import Path

import matplotlib.style
import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from sweepkit.storage.atomic import replacing
from sweepkit.storage.write_errors import writing
from sweepkit.tasks.text.explain import captions
from sweepkit.tasks.text.explain.colours import ANCHORS
from sweepkit.tasks.text.explain.explanation import Explanation, Heat
from sweepkit.tasks.text.explain.png.fonts import BOX, drawable, families
from sweepkit.tasks.text.explain.png.palette import indexed
from sweepkit.tasks.text.explain.png.running import add_running
from sweepkit.tasks.text.explain.png.sheet import POINTS, Area, Sheet, axes, position, text_width
from sweepkit.tasks.text.explain.png.text import add_text
from sweepkit.tasks.text.explain.tokens import plain, shortened

_DPI = 110
_NARROWEST, _WIDEST = 9.0, 14.0
_ROW = 0.135  # height of a unit's row
_LEFT, _RIGHT = 0.55, 1.0  # space for the axis labels and the colour bar
_NAME, _LONGEST_NAME = 7.5, 12  # font size and most letters of a token's label
_WHITE = (255, 255, 255)
# an odd number, so that 0 has its own colour
COLOURS = LinearSegmentedColormap.from_list("states", ANCHORS, N=129)


def write(explanation: Explanation, path: Path) -> None:
    """Write the picture, whole or not at all."""
    path = path.absolute()
    with writing(str(path)), replacing(path) as temporary:
        temporary.write_bytes(png(explanation))


def png(explanation: Explanation) -> bytes:
    """Return the picture; characters that no font here has become boxes."""
    with style():
        content = io.BytesIO()
        figure(explanation).savefig(content, format="png", pil_kwargs={"compress_level": 1})
    return indexed(content.getvalue(), [_WHITE, *_states()])


def figure(explanation: Explanation) -> Figure:
    """Draw the figure, to be called under `style`."""
    return _sheet(explanation).figure(_DPI)


def style() -> AbstractContextManager[None]:
    """Return a context with Matplotlib's defaults and the fonts of `families`; dollar signs are not mathematics."""
    text = {"font.family": list(families()), "font.size": 8.5, "text.parse_math": False}
    # hinting would make a text wider than `sheet.text_width` computes
    return matplotlib.style.context({**text, "text.hinting": "no_hinting", "axes.linewidth": 0.6}, after_reset=True)


def _states() -> list[tuple[int, int, int]]:
    """Return the colours of the heat map as they are drawn."""
    return [(int(red), int(green), int(blue)) for red, green, blue, _ in COLOURS(np.arange(COLOURS.N), bytes=True)]


def _sheet(explanation: Explanation) -> Sheet:
    tokens = [shortened(drawable(plain(token)), _LONGEST_NAME) for token in explanation.tokens]
    sheet = Sheet(min(max(5.5 + 0.085 * len(tokens), _NARROWEST), _WIDEST))
    _add_head(sheet, explanation)
    if explanation.heat is None:
        sheet.write(captions.NO_HEAT, 9)
    else:
        _add_heat(sheet, explanation.heat, tokens)
        add_text(sheet, explanation, explanation.heat, COLOURS)
    add_running(sheet, explanation, tokens, left=_LEFT, right=_RIGHT)
    return sheet


def _add_head(sheet: Sheet, explanation: Explanation) -> None:
    sheet.write("States and prediction, token by token", 14, bold=True)
    sheet.write(f"Prediction: {captions.prediction(explanation)}", 11)
    sheet.write(f"Model: {captions.model(explanation)}", 8.5, colour="#5a5a5a")
    if note := captions.cut(explanation):
        sheet.write(note, 8.5, bold=True)
    if BOX in drawable("".join(explanation.tokens)) and BOX not in "".join(explanation.tokens):
        sheet.write(f"{BOX} stands for a character that no font on this machine has.", 8.5, colour="#5a5a5a")


def _add_heat(sheet: Sheet, heat: Heat, tokens: list[str]) -> None:
    sheet.space(0.2)
    sheet.write(f"State of {heat.cell} layer {heat.layer}, {heat.direction}", 11, bold=True)
    sheet.write(captions.heat_map(heat), 8.5)
    sheet.space(0.12)
    rows = max(len(heat.units) * _ROW, 0.6)
    step = label_step(len(tokens), sheet.width - 2 * sheet.margin - _LEFT - _RIGHT)
    names = max(text_width(token, _NAME) for token in tokens[::step]) + 0.08

    def draw(figure: Figure, area: Area) -> None:
        inner = Area(area.left + _LEFT, area.top, area.width - _LEFT - _RIGHT, rows)
        plot = axes(figure, inner)
        image = plot.imshow(heat.values.T, aspect="auto", cmap=COLOURS, vmin=-1, vmax=1, interpolation="nearest")
        plot.set_yticks(np.arange(len(heat.units)), [str(unit) for unit in heat.units], fontsize=6.5)
        plot.set_ylabel(f"unit, of {heat.n_units}")
        plot.set_xticks(np.arange(0, len(tokens), step), tokens[::step], rotation=90, fontsize=_NAME)
        plot.tick_params(length=2, pad=2)
        every = "tokens" if step == 1 else f"tokens, every {ordinal(step)} labelled"
        figure.text(
            *position(figure, inner.left, area.top + area.height - 0.03), f"{every}, in the order of the text →"
        )
        bar = axes(figure, Area(inner.left + inner.width + 0.2, inner.top, 0.14, min(rows, 2.2)))
        figure.colorbar(image, cax=bar, ticks=[-1, 0, 1]).set_label("memory tanh(c)" if heat.has_memory else "state h")

    sheet.add(rows + names + 0.2, draw)


def label_step(n_tokens: int, width: float) -> int:
    """Return n such that labels of every n-th token do not touch; `width` in inches."""
    return int(np.ceil((_NAME + 2) * n_tokens / (width * POINTS)))


def ordinal(number: int) -> str:
    return {1: "1st", 2: "2nd", 3: "3rd"}.get(number, f"{number}th")
