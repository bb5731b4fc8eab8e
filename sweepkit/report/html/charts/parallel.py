"""Parallel coordinates: every ranked trial as a line through its parameters to its objective, as JSON for the page.

The page's own script draws them: Plotly's need WebGL, which takes seconds on a machine without a graphics card.
Try `parallel(sweep)["axes"][0]["ticks"]`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sweepkit.report import style
from sweepkit.report.parameters import scale_of, varied_names
from sweepkit.report.scales import Scale
from sweepkit.results.sweep import Sweep
from sweepkit.trial.trial import Direction, Trial


def parallel(sweep: Sweep) -> dict[str, Any]:  # a JSON object
    """Return the trials (the best last, to be drawn on top), their colours, and where they cross each axis."""
    board = sweep.leaderboard
    trials = list(reversed(board.leaders))
    objective = [trial.best_value or 0.0 for trial in trials]
    axes = [_axis(sweep, name, trials) for name in varied_names(sweep)]
    return {
        "trials": [trial.number for trial in trials],
        "colours": _colours(objective, board.direction),
        "axes": [*axes, _objective_axis(board.metric, objective)],
    }


def _axis(sweep: Sweep, name: str, trials: Sequence[Trial]) -> dict[str, Any]:  # a JSON object
    scale = scale_of(sweep, name)
    is_partly_used = any(name not in trial.params for trial in trials)
    low = scale.absent if is_partly_used else scale.low
    # room for the trials spread around an option
    margin = 0.2 if scale.options is not None else 0.03 * (scale.high - low)
    return {
        "label": name,
        "low": low - margin,
        "high": scale.high + margin,
        "places": [scale.spread(trial.params.get(name), trial.number) for trial in trials],
        "ticks": scale.ticks(with_absent=is_partly_used),
    }


def _objective_axis(metric: str, objective: Sequence[float]) -> dict[str, Any]:  # a JSON object
    low, high = min(objective), max(objective)
    if low == high:
        low, high = low - 0.5, high + 0.5
    ticks = Scale.numbers(low, high).ticks()
    return {"label": metric, "low": low, "high": high, "places": list(objective), "ticks": ticks}


def _colours(objective: Sequence[float], direction: Direction) -> list[str]:
    """Return a shade for each trial, from the worst to the best.

    The worst tenth shares one shade; otherwise a few trials that never learned would use up the whole scale.
    """
    goodness = [value if direction is Direction.MAX else -value for value in objective]
    low, high = sorted(goodness)[len(goodness) // 10], max(goodness)
    return [_shade(max(0.0, (score - low) / (high - low)) if high > low else 1.0) for score in goodness]


def _shade(share: float) -> str:
    """Interpolate `style.SHADES` at a share from 0 to 1."""
    place = next(i for i in range(1, len(style.SHADES)) if share <= style.SHADES[i][0])
    (begin, first), (end, second) = style.SHADES[place - 1], style.SHADES[place]
    part = (share - begin) / (end - begin)
    mixed = [round(int(first[i : i + 2], 16) * (1 - part) + int(second[i : i + 2], 16) * part) for i in (1, 3, 5)]
    return "#" + "".join(f"{channel:02x}" for channel in mixed)
