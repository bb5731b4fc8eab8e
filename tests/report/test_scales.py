"""Positions of values on an axis, and its labels."""

from __future__ import annotations

import pytest

from sweepkit.report.scales import Scale
from sweepkit.space import Choice, Float, Int


def test_options_lie_side_by_side_in_their_order() -> None:
    scale = Scale.of(Choice(("gru", True, 1)), ["gru", True, 1])
    assert [scale.place("gru"), scale.place(True), scale.place(1)] == [0.0, 1.0, 2.0]
    assert scale.ticks() == [(0.0, "gru"), (1.0, "true"), (2.0, "1")]


def test_not_used_is_below_all_other_places() -> None:
    for scale in (Scale.of(Choice((50, 100)), [50, 100]), Scale.of(Float(0.0, 0.5), [0.1])):
        assert scale.place(None) < scale.low
        assert scale.ticks(with_absent=True)[0] == (scale.place(None), "not used")


def test_logarithmic_numbers_lie_by_their_logarithm() -> None:
    scale = Scale.of(Float(1e-4, 1e-1, log=True), [1e-3])
    assert scale.place(1e-3) == pytest.approx(-3)
    assert [text for _, text in scale.ticks()] == ["0.0001", "0.0003", "0.001", "0.003", "0.01", "0.03", "0.1"]


@pytest.mark.parametrize(
    ("param", "expected"),
    [
        (Float(0.0, 0.5), ["0", "0.1", "0.2", "0.3", "0.4", "0.5"]),
        (Int(16, 128, step=16), ["25", "50", "75", "100", "125"]),
        (Float(1e-5, 1e-1, log=True), ["1e-05", "0.0001", "0.001", "0.01", "0.1"]),
        (Float(0.3, 0.3), ["0.3"]),
        (Float(3.0, 4.0, log=True), ["3", "4"]),
    ],
)
def test_ticks_are_round_numbers_within_the_axis(param: Float | Int, expected: list[str]) -> None:
    assert [text for _, text in Scale.of(param, [param.low]).ticks()] == expected


def test_trials_of_one_option_are_spread_the_same_way_every_time() -> None:
    scale = Scale.of(Choice(("a", "b")), ["a", "b"])
    places = [scale.spread("b", trial) for trial in range(50)]
    assert places == [scale.spread("b", trial) for trial in range(50)]
    assert len(set(places)) == 50
    assert all(0.8 < place < 1.2 for place in places)


def test_numbers_are_not_spread() -> None:
    assert Scale.of(Float(0.0, 1.0), [0.25]).spread(0.25, 7) == 0.25
