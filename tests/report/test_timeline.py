"""Lanes, pauses and idle time from the times of trials."""

from __future__ import annotations

from itertools import pairwise

import pytest

from sweepkit.report.timeline import stretches, timeline
from sweepkit.trial.trial import Report, Trial, TrialState
from tests.support.made_up_sweeps import trials


def trial(number: int, start: float, ends: list[float], *, epoch_s: float = 10.0) -> Trial:
    """Build a trial that reports at these times, each after an epoch of `epoch_s` seconds."""
    reports = tuple(Report(n, {"train_seconds": epoch_s}, end) for n, end in enumerate(ends, start=1))
    return Trial(number, {}, reports, TrialState.COMPLETE, "", started=start, seconds=ends[-1] - start)


def test_trials_one_after_another_need_one_lane() -> None:
    packed = timeline([trial(0, 0, [10]), trial(1, 10, [20]), trial(2, 20.5, [30])])
    assert packed is not None
    assert (packed.n_lanes, [bar.lane for bar in packed.bars]) == (1, [0, 0, 0])
    assert packed.idle == pytest.approx(0.5 / 30)


def test_simultaneous_trials_need_a_lane_each_and_reuse_the_lane_that_became_free_last() -> None:
    packed = timeline([trial(0, 0, [10]), trial(1, 0, [20]), trial(2, 20, [30])])
    assert packed is not None
    assert [bar.lane for bar in packed.bars] == [0, 1, 1]
    assert packed.idle == pytest.approx(20 / 60)


def test_a_pause_is_cut_out_and_is_not_idle_time() -> None:
    packed = timeline([trial(0, 0, [10]), trial(1, 10_000, [10_010])])
    assert packed is not None
    assert [(round(pause.start), round(pause.seconds)) for pause in packed.pauses] == [(10, 9990)]
    assert packed.end < 30
    assert packed.idle == 0


def test_an_interrupted_trial_has_two_bars() -> None:
    one = trial(0, 0, [10, 20, 5_000, 5_010])
    assert stretches(one) == [(0, 20), (4_990, 5_010)]
    packed = timeline([one])
    assert packed is not None
    assert [bar.trial for bar in packed.bars] == [0, 0]


def test_a_break_of_one_trial_while_others_run_is_not_a_pause() -> None:
    busy = trial(1, 0, [100.0 * n for n in range(1, 51)], epoch_s=99)
    packed = timeline([trial(0, 0, [10, 20, 5_000]), busy])
    assert packed is not None
    assert packed.pauses == ()
    assert packed.n_lanes == 2


def test_trials_without_reports_last_from_start_to_end() -> None:
    one = Trial(0, {}, (), TrialState.FAILED, "it raised", started=5.0, seconds=3.0)
    assert stretches(one) == [(5.0, 8.0)]


def test_trials_that_never_ran_have_no_timeline() -> None:
    assert timeline([]) is None
    assert timeline([Trial(0, {}, started=5.0, seconds=0.0), Trial(1, {})]) is None


def test_made_up_sweeps_fit_on_their_workers() -> None:
    for workers in (1, 4):
        packed = timeline(trials(40, workers=workers, pause_s=600))
        assert packed is not None
        assert packed.n_lanes == workers
        assert len(packed.pauses) == 1
        assert 0 <= packed.idle < 0.4
        for lane in range(workers):
            bars = [bar for bar in packed.bars if bar.lane == lane]
            assert all(one.end <= other.start + 1 for one, other in pairwise(bars))


@pytest.mark.parametrize(("seconds", "unit"), [(200, "s"), (900, "minutes"), (40_000, "hours")])
def test_the_unit_suits_the_length(seconds: float, unit: str) -> None:
    packed = timeline([trial(0, 0, [seconds], epoch_s=seconds)])
    assert packed is not None
    assert packed.unit[0] == unit
