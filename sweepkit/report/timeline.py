"""The workers over time, from the times of the trials: bars on lanes, pauses cut out.

The journal does not record workers. A worker runs one trial at a time, so trials are packed onto as few lanes as
possible. A trial that was interrupted and continued later has several bars. Stretches without any running trial, such
as between an interruption and the command that continues the sweep, are pauses: they are cut out of the axis and do
not count as idle time. Try `timeline(data.trials).idle`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sweepkit.trial.trial import Trial, TrialState

# longer than this without a running trial is a pause; also the time an epoch may take beyond what it reports
_PAUSE_S = 60.0
# a trial may start a moment before the end of its predecessor is recorded
_OVERLAP_S = 1.0
# the width of a pause, as a share of the time worked
_PAUSE_WIDTH = 0.03

Stretch = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Bar:
    """A stretch in which a trial ran; `start` and `end` are places on the axis, in seconds."""

    trial: int
    state: TrialState | None
    lane: int
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Pause:
    """A stretch in which no trial ran; `start` and `end` are places on the axis, `seconds` is its true length."""

    start: float
    end: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Timeline:
    """The trials of a sweep over time.

    Attributes:
        bars: the stretches in which trials ran.
        pauses: the stretches in which none ran.
        n_lanes: least number of workers that explains the bars.
        end: end of the axis, in seconds.
        idle: share of the workers' time without a trial, not counting pauses.
    """

    bars: tuple[Bar, ...]
    pauses: tuple[Pause, ...]
    n_lanes: int
    end: float
    idle: float

    @property
    def unit(self) -> tuple[str, float]:
        """The unit of the axis: its name and its seconds."""
        if self.end < 300:
            return "s", 1.0
        return ("minutes", 60.0) if self.end < 3 * 3600 else ("hours", 3600.0)


def timeline(trials: Sequence[Trial]) -> Timeline | None:
    """Pack trials onto lanes; None if no trial has a time."""
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
    """Return the stretches in which a trial ran, without interruptions.

    A report has the time that its epoch took. If much more time than that has passed since the report before it, the
    trial did not run in between.
    """
    if trial.started is None:
        return []
    runs = [(trial.started, trial.started)]
    for report in trial.reports:
        took = report.metrics.get("train_seconds", 0.0) + report.metrics.get("valid_seconds", 0.0)
        start = report.timestamp - took
        if took > 0 and start - runs[-1][1] > max(_PAUSE_S, took):
            runs.append((start, report.timestamp))
        else:
            runs[-1] = (runs[-1][0], max(report.timestamp, runs[-1][1]))
    end = trial.started + (trial.seconds or 0.0)
    if not trial.reports or 0 < end - runs[-1][1] <= _PAUSE_S:
        runs[-1] = (runs[-1][0], max(end, runs[-1][1]))
    return [(start, end) for start, end in runs if end > start]


def _windows(work: Sequence[Stretch]) -> list[Stretch]:
    """Join stretches of work with only short breaks between them; `work` is in order."""
    windows = [work[0]]
    for start, end in work[1:]:
        if start - windows[-1][1] > _PAUSE_S:
            windows.append((start, end))
        else:
            windows[-1] = (windows[-1][0], max(end, windows[-1][1]))
    return windows


def _lanes(work: Sequence[Stretch]) -> list[int]:
    """Assign to each stretch the lane that became free last before it, or a new one; `work` is in order."""
    free: list[float] = []
    lanes: list[int] = []
    for start, end in work:
        candidates = [lane for lane, until in enumerate(free) if until <= start + _OVERLAP_S]
        lane = max(candidates, key=lambda lane: (free[lane], -lane)) if candidates else len(free)
        free[lane : lane + 1] = [end]
        lanes.append(lane)
    return lanes


def _places(windows: Sequence[Stretch], pause_width: float) -> list[float]:
    """Return the place on the axis where each window begins."""
    places = [0.0]
    for start, end in windows[:-1]:
        places.append(places[-1] + end - start + pause_width)
    return places


def _on_axis(time: float, windows: Sequence[Stretch], begins: Sequence[float]) -> float:
    window = max(index for index, (start, _) in enumerate(windows) if start <= time)
    return begins[window] + time - windows[window][0]


def _idle(work: Sequence[tuple[Stretch, Trial]], lanes: Sequence[int], windows: Sequence[Stretch]) -> float:
    """Return the share of time without a trial, over the lanes used in each window."""
    capacity = 0.0
    for start, end in windows:
        used = {lane for ((begin, _), _), lane in zip(work, lanes, strict=True) if start <= begin <= end}
        capacity += len(used) * (end - start)
    busy = sum(end - start for (start, end), _ in work)
    return max(0.0, 1.0 - busy / capacity) if capacity else 0.0
