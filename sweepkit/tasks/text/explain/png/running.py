"""The running prediction of a picture: one curve for two labels, otherwise one for each, with the turning tokens."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from sweepkit.tasks.text.explain import captions
from sweepkit.tasks.text.explain.colours import LABELS
from sweepkit.tasks.text.explain.explanation import Explanation
from sweepkit.tasks.text.explain.png.fonts import drawable
from sweepkit.tasks.text.explain.png.sheet import Area, Sheet, axes, position, spread, text_width, wrapped
from sweepkit.tasks.text.explain.tokens import shortened

_HEIGHT = 2.1
_NAMES = 0.55  # space for the turning tokens above the curve
_SIZE = 8.5
_EVERY = (1, 2, 5, 10, 20, 50, 100, 200, 500)


def add_running(sheet: Sheet, explanation: Explanation, tokens: list[str], *, left: float, right: float) -> None:
    """Add the curve, its tokens aligned with those of the heat map, whose margins are in inches."""
    sheet.space(0.15)
    sheet.write("The running prediction", 11, bold=True)
    sheet.write(captions.running(explanation), 8.5)
    sheet.space(0.1)
    names = _NAMES if explanation.turns else 0.05

    def draw(figure: Figure, area: Area) -> None:
        inner = Area(area.left + left, area.top + names, area.width - left - right, _HEIGHT)
        plot = axes(figure, inner)
        _draw_curves(plot, explanation)
        _name_places(plot, explanation, inner.width)
        _name_labels(figure, plot, explanation, inner, right)
        _name_turns(figure, plot, explanation, tokens, inner)

    sheet.add(names + _HEIGHT + 0.45, draw)


def _draw_curves(plot: Axes, explanation: Explanation) -> None:
    """Draw the prediction before the first token at the left edge, and that after a token at its column."""
    places = np.clip(np.arange(len(explanation.tokens) + 1) - 1.0, -0.5, None)
    # at the end token nothing changes, since every prefix ends with it
    predictions = np.concatenate([explanation.running, explanation.running[-1:]])[: len(places)]
    plot.set(xlim=(-0.5, len(explanation.tokens) - 0.5), ylim=(0, 1))
    plot.axhline(0.5, color="#777777", linewidth=0.8)
    plot.grid(axis="y", color="#e2e2e2", linewidth=0.6)
    plot.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0 %", "25 %", "50 %", "75 %", "100 %"])
    plot.set_ylabel("probability")
    if predictions.shape[1] == 2:
        second = predictions[:, 1]
        plot.plot(places, second, color="#1a1a1a", linewidth=1.6)
        for label, is_it in ((0, second <= 0.5), (1, second >= 0.5)):
            plot.fill_between(places, 0.5, second, where=is_it, interpolate=True, color=LABELS[label], alpha=0.22, lw=0)
        return
    for label, probabilities in enumerate(predictions.T):
        plot.plot(places, probabilities, color=_colour(label), linewidth=1.6)


def _name_places(plot: Axes, explanation: Explanation, width: float) -> None:
    room = width / len(explanation.tokens)
    step = next((step for step in _EVERY if step * room >= 0.35), _EVERY[-1])
    # the first token, then multiples of the step
    numbers = [1, *range(step, explanation.n_words + 1, step)] if step > 1 else range(1, explanation.n_words + 1)
    plot.set_xticks([number - 1 for number in numbers], [str(number) for number in numbers])
    plot.set_xlabel("tokens read, then the end of the text")


def _name_labels(figure: Figure, plot: Axes, explanation: Explanation, inner: Area, right: float) -> None:
    names = [
        shortened(drawable(captions.label(explanation, label)), 24) for label in range(explanation.running.shape[1])
    ]
    if len(names) > 2:
        lines = [Line2D([], [], color=_colour(label)) for label in range(len(names))]
        shown = ["\n".join(wrapped(name, 7.5, right - 0.4)) for name in names]
        beside = plot.legend(lines, shown, loc="center left", bbox_to_anchor=(1.0, 0.5), handlelength=1.2, fontsize=7.5)
        beside.set_frame_on(False)
        return
    for label, top in ((1, 0.08), (0, inner.height - 0.3)):
        name = "\n".join(wrapped(("↑ " if label else "↓ ") + names[label], _SIZE, right - 0.1, bold=True))
        place = position(figure, inner.left + inner.width + 0.08, inner.top + top)
        figure.text(*place, name, color=_colour(label), weight="bold", size=_SIZE, va="top")


def _name_turns(figure: Figure, plot: Axes, explanation: Explanation, tokens: list[str], inner: Area) -> None:
    """Write each turning token and its change above its place, moved aside if two would touch."""
    column = inner.width / len(tokens)
    centers = [inner.left + (turn.word + 0.5) * column for turn in explanation.turns]
    names = [(tokens[turn.word], f"+{100 * turn.gain:.0f}") for turn in explanation.turns]
    widths = [max(text_width(line, _SIZE, bold=True) for line in name) + 0.12 for name in names]
    places = spread(centers, widths, 0.1, figure.get_size_inches()[0] - 0.1)
    for turn, name, center, place in zip(explanation.turns, names, centers, places, strict=True):
        colour = _colour(turn.label)
        for line, above in zip(name, (0.36, 0.23), strict=True):
            figure.text(
                *position(figure, place, inner.top - above), line, color=colour, weight="bold", size=_SIZE, ha="center"
            )
        ends = position(figure, place, inner.top - 0.19), position(figure, center, inner.top)
        figure.add_artist(Line2D(*zip(*ends, strict=True), color=colour, linewidth=0.8))
        shown = 1 if explanation.running.shape[1] == 2 else turn.label
        height = float(explanation.running[turn.word + 1][shown])
        plot.plot([turn.word] * 2, [height, 1], color=colour, linewidth=0.8, linestyle=":")
        plot.plot(
            [turn.word], [height], "o", color=colour, markersize=5, markeredgecolor="white", clip_on=False, zorder=4
        )


def _colour(label: int) -> str:
    return LABELS[label % len(LABELS)]
