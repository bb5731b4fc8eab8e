"""Colours and markers, the same in the page and in the picture; all are distinguishable for the colour-blind."""

from __future__ import annotations

from dataclasses import dataclass

from sweepkit.trial.trial import TrialState


@dataclass(frozen=True, slots=True)
class MarkStyle:
    """How the trials of one state are labelled and drawn; `symbol` is Plotly's marker, `marker` is Matplotlib's."""

    state: TrialState | None
    label: str
    colour: str
    symbol: str
    marker: str


# Okabe and Ito's colours. Drawn in this order, pruned trials lie below those that ran to their end
MARKS = (
    MarkStyle(TrialState.PRUNED, "pruned", "#E69F00", "triangle-down", "v"),
    MarkStyle(TrialState.FAILED, "failed", "#D55E00", "x", "X"),
    MarkStyle(None, "unfinished", "#7F7F7F", "circle-open", "o"),
    MarkStyle(TrialState.COMPLETE, "complete", "#0072B2", "circle", "o"),
)
MARK_OF = {mark.state: mark for mark in MARKS}

# Tol's muted colours: none of them is the colour of a state
OPTIONS = ("#332288", "#CC6677", "#44AA99", "#AA4499", "#999933", "#882255", "#88CCEE", "#117733", "#DDCC77")
BEST = "#111111"
BAR, BAR_SOME = "#6fb9ad", "#c3e0db"
INK, QUIET, GRID, PAUSE = "#2b2b2b", "#666666", "#e4e4e0", "#ecece6"
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif"
# grey to dark blue: lightness alone carries the value
SHADES = ((0.0, "#dcdcd4"), (0.35, "#9fc3dd"), (0.7, "#3f7fb5"), (1.0, "#08306b"))
