"""The parameters that vary among the trials of a sweep, and their values."""

from __future__ import annotations

from sweepkit.report.parameters import scale_of, values_of, varied_choices, varied_names
from tests.support.made_up_sweeps import made_up_sweep, trials


def test_varied_parameters_have_two_values_among_the_trials_that_use_them() -> None:
    sweep = made_up_sweep(trials(30))
    assert "batch_size" not in varied_names(sweep)
    assert varied_choices(sweep) == ["cell", "bidirectional", "pooling", "embedding", "embedding_dim", "max_len"]


def test_values_are_in_their_declared_or_ascending_order() -> None:
    sweep = made_up_sweep(trials(30))
    assert values_of(sweep, "max_len") == [100, 200, 400]
    tried = {trial.params["units"] for trial in sweep.trials if "units" in trial.params}
    assert values_of(sweep, "units") == sorted(tried)


def test_an_axis_has_the_declared_range_of_numbers_and_the_tried_options() -> None:
    sweep = made_up_sweep(trials(1))
    (trial,) = sweep.trials
    assert (scale_of(sweep, "dropout").low, scale_of(sweep, "dropout").high) == (0.0, 0.5)
    assert scale_of(sweep, "cell").options == (trial.params["cell"],)
