"""Colours and marks, the same in the page and in the picture; all of them told apart by the colour-blind."""

from __future__ import annotations

from dataclasses import dataclass

from sweepkit.trial.trial import TrialState


@dataclass(frozen=True, slots=True)
class MarkStyle:
    """How an outcome is said and drawn; `symbol` is Plotly's name of the mark, `marker` Matplotlib's."""

    state: TrialState | None
    label: str
    colour: str
    symbol: str
    marker: str


# Okabe and Ito's colours. In this order, what ended early is drawn below what ran to its end
LOOKS = (
    MarkStyle(TrialState.PRUNED, "stopped early", "#E69F00", "triangle-down", "v"),
    MarkStyle(TrialState.FAILED, "failed", "#D55E00", "x", "X"),
    MarkStyle(None, "unfinished", "#7F7F7F", "circle-open", "o"),
    MarkStyle(TrialState.COMPLETE, "complete", "#0072B2", "circle", "o"),
)
LOOK = {look.state: look for look in LOOKS}

# Tol's muted colours: none of them is an outcome's
OPTIONS = ("#332288", "#CC6677", "#44AA99", "#AA4499", "#999933", "#882255", "#88CCEE", "#117733", "#DDCC77")
BEST = "#111111"
BAR, BAR_SOME = "#6fb9ad", "#c3e0db"
INK, QUIET, GRID, PAUSE = "#2b2b2b", "#666666", "#e4e4e0", "#ecece6"
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif"
# grey to dark blue: lightness alone carries the value
SHADES = ((0.0, "#dcdcd4"), (0.35, "#9fc3dd"), (0.7, "#3f7fb5"), (1.0, "#08306b"))
