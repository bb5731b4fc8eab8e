"""Which worker did what and when, as far as the trials' times tell: bars on lanes, pauses cut out.

The journal does not name workers. A worker runs one trial at a time, so trials are packed onto as few lanes as there
can have been workers. A trial that was interrupted and went on later is several bars. Stretches in which no trial
ran at all, as between an interruption and the command that goes on, are pauses: they are cut out of the axis and are
no idle time. Try `timeline(findings.records).idle`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sweepkit.trial.trial import Trial, TrialState

# nobody working for longer than this is a pause of the whole sweep; also what an epoch may take beyond what it reports
_PAUSE_S = 60.0
# a trial may be handed out a moment before the one before it is written down as ended
_OVERLAP_S = 1.0
# how wide a pause is drawn, beside all that was worked
_PAUSE_WIDTH = 0.03

Stretch = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Bar:
    """A stretch of a trial's work; `start` and `end` are places on the axis, in seconds."""

    trial: int
    state: TrialState | None
    lane: int
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Pause:
    """A stretch without any work: its place on the axis, and how long it really was."""

    start: float
    end: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Timeline:
    """A sweep over time.

    Attributes:
        bars: what was done.
        pauses: when nothing was.
        n_lanes: how many workers there were at least.
        end: of the axis, in seconds.
        idle: share of the workers' time, pauses left out, in which they had no trial.
    """

    bars: tuple[Bar, ...]
    pauses: tuple[Pause, ...]
    n_lanes: int
    end: float
    idle: float

    @property
    def unit(self) -> tuple[str, float]:
        """The unit to show it in: its name, and seconds of one."""
        if self.end < 300:
            return "s", 1.0
        return ("minutes", 60.0) if self.end < 3 * 3600 else ("hours", 3600.0)


def timeline(trials: Sequence[Trial]) -> Timeline | None:
    """Pack trials onto lanes; None when no trial has a time."""
    work = sorted(
        ((stretch, trial) for trial in trials for stretch in stretches(trial)),
        key=lambda item: (item[0], item[1].number),
    )
    if not work:
        return None
    windows = _windows([stretch for stretch, _ in work])
    lanes = _lanes([stretch for stretch, _ in work])
    width = _PAUSE_WIDTH * sum(end - start for start, end in windows)
    begins = _places(windows, width)
    bars = tuple(
        Bar(trial.number, trial.state, lane, _on_axis(start, windows, begins), _on_axis(end, windows, begins))
        for ((start, end), trial), lane in zip(work, lanes, strict=True)
    )
    pauses = tuple(
        Pause(place - width, place, window[0] - before[1])
        for before, window, place in zip(windows, windows[1:], begins[1:], strict=False)
    )
    end = begins[-1] + windows[-1][1] - windows[-1][0]
    return Timeline(bars, pauses, max(lanes) + 1, end, _idle(work, lanes, windows))


def stretches(trial: Trial) -> list[Stretch]:
    """Return when a trial was worked on: between its reports, but for what an interruption must have been.

    A report says how long its epoch took. Where much more time than that has passed since the one before, the trial
    did not run in between.
    """
    if trial.started is None:
        return []
    found = [(trial.started, trial.started)]
    for report in trial.reports:
        took = report.metrics.get("train_seconds", 0.0) + report.metrics.get("valid_seconds", 0.0)
        begun = report.timestamp - took
        if took > 0 and begun - found[-1][1] > max(_PAUSE_S, took):
            found.append((begun, report.timestamp))
        else:
            found[-1] = (found[-1][0], max(report.timestamp, found[-1][1]))
    end = trial.started + (trial.seconds or 0.0)
    if not trial.reports or 0 < end - found[-1][1] <= _PAUSE_S:
        found[-1] = (found[-1][0], max(end, found[-1][1]))
    return [stretch for stretch in found if stretch[1] > stretch[0]]


def _windows(work: Sequence[Stretch]) -> list[Stretch]:
    """Return the stretches in which somebody worked, without shorter breaks; `work` is in order."""
    windows = [work[0]]
    for start, end in work[1:]:
        if start - windows[-1][1] > _PAUSE_S:
            windows.append((start, end))
        else:
            windows[-1] = (windows[-1][0], max(end, windows[-1][1]))
    return windows


def _lanes(work: Sequence[Stretch]) -> list[int]:
    """Give each stretch the lane that became free last before it, or a new one; `work` is in order."""
    free: list[float] = []
    lanes: list[int] = []
    for start, end in work:
        fitting = [lane for lane, until in enumerate(free) if until <= start + _OVERLAP_S]
        lane = max(fitting, key=lambda lane: (free[lane], -lane)) if fitting else len(free)
        free[lane : lane + 1] = [end]
        lanes.append(lane)
    return lanes


def _places(windows: Sequence[Stretch], pause_width: float) -> list[float]:
    """Return where each window begins on the axis."""
    places = [0.0]
    for start, end in windows[:-1]:
        places.append(places[-1] + end - start + pause_width)
    return places


def _on_axis(time: float, windows: Sequence[Stretch], begins: Sequence[float]) -> float:
    window = max(index for index, (start, _) in enumerate(windows) if start <= time)
    return begins[window] + time - windows[window][0]


def _idle(work: Sequence[tuple[Stretch, Trial]], lanes: Sequence[int], windows: Sequence[Stretch]) -> float:
    """Return the share of time without a trial, of the lanes that are used at all in each window."""
    capacity = 0.0
    for start, end in windows:
        used = {lane for ((begin, _), _), lane in zip(work, lanes, strict=True) if start <= begin <= end}
        capacity += len(used) * (end - start)
    busy = sum(end - start for (start, end), _ in work)
    return max(0.0, 1.0 - busy / capacity) if capacity else 0.0
