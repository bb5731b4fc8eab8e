"""Which points are tried before a sweep on GPUs; that faults are refused is tested with a whole sweep."""

from __future__ import annotations

from sweepkit.driver.preflight import covering_params
from sweepkit.space import Choice, Float, Int, Space


def test_the_points_have_every_option_and_are_few() -> None:
    space = Space(
        {
            "cell": Choice(("lstm", "gru", "none")),
            "pooling": Choice(("last", "max"), when={"cell": ("lstm", "gru")}),
            "units": Int(8, 512, when={"cell": ("lstm", "gru")}),
            "rate": Float(0.1, 1.0),
        }
    )
    param_sets = covering_params(space)
    assert {params["cell"] for params in param_sets} == {"lstm", "gru", "none"}
    assert {params.get("pooling") for params in param_sets} == {"last", "max", None}
    assert len(param_sets) <= 5
    assert all(params.get("units", 8) == 8 for params in param_sets), "the smallest model is as good as any"


def test_a_space_without_choices_has_one_point() -> None:
    assert covering_params(Space({"rate": Float(0.1, 1.0)})) == [{"rate": 0.1}]
