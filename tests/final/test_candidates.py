"""Who takes part in the final stage, and how its runs become a ranking."""

from __future__ import annotations

import sys

import pytest

from sweepkit.config.package import Package, import_package
from sweepkit.final.candidates import Candidate, candidate_results, choose_candidates, missing_params
from sweepkit.results.final_result import FinalResult
from sweepkit.storage.layout import SweepPaths
from sweepkit.trial.trial import Direction, Trial, TrialState
from tests.support.commands import TOY

PATHS = SweepPaths("cells").final


@pytest.fixture
def package(monkeypatch: pytest.MonkeyPatch) -> Package:
    monkeypatch.setattr(sys, "path", [*sys.path])
    return import_package("toy", TOY.parent / "toy")


def trial(number: int, units: int, value: float | None, state: TrialState = TrialState.COMPLETE) -> Trial:
    return Trial(number, {"units": units}, state=state, best_value=value, best_epoch=1 if value else None)


def run(number: int, units: int, value: float | None) -> Trial:
    return trial(number, units, value, TrialState.COMPLETE if value else TrialState.FAILED)


def test_the_leaders_of_different_settings_take_part_and_then_the_baselines(package: Package) -> None:
    trials = [trial(0, 3, 0.7), trial(1, 4, 0.9), trial(2, 4, 0.8), trial(3, 5, 0.75), trial(4, 6, 0.1)]
    found = choose_candidates(trials, package, direction=Direction.MAX, top=3)
    assert [f.name for f in found] == ["trial 1", "trial 3", "trial 0", "two units"]
    assert found[-1] == Candidate("two units", None, {"units": 2})
    assert found[-1].is_baseline


def test_where_less_is_better_the_least_lead(package: Package) -> None:
    found = choose_candidates([trial(0, 3, 0.7), trial(1, 4, 0.9)], package, direction=Direction.MIN, top=1)
    assert found[0].name == "trial 0"


def test_a_sweep_without_a_finite_objective_has_no_finalists(package: Package) -> None:
    assert choose_candidates([trial(0, 3, None, TrialState.FAILED)], package, direction=Direction.MAX, top=3) == []


def test_points_are_queued_in_rounds_and_only_as_far_as_they_are_missing() -> None:
    first, second = Candidate("trial 0", 0, {"units": 3}), Candidate("trial 1", 1, {"units": 4})
    assert missing_params([first, second], [], seeds=2) == [{"units": 3}, {"units": 4}, {"units": 3}, {"units": 4}]
    queued = [{"units": 3}, {"units": 3}, {"units": 4}]
    assert missing_params([first, second], queued, seeds=2) == [{"units": 4}]
    assert missing_params([first], queued, seeds=2) == []


def test_candidates_rank_by_their_means_and_baselines_come_last() -> None:
    wanted = [
        Candidate("trial 0", 0, {"units": 3}),
        Candidate("trial 1", 1, {"units": 4}),
        Candidate("b", None, {"units": 2}),
    ]
    trials = [run(0, 3, 0.9), run(1, 4, 0.8), run(2, 2, 0.99), run(3, 3, 0.6), run(4, 4, 0.8)]
    found = candidate_results(wanted, trials, direction=Direction.MAX, seeds=2, paths=PATHS)
    assert [(c.name, c.final_trials, c.values) for c in found] == [
        ("trial 1", (1, 4), (0.8, 0.8)),
        ("trial 0", (0, 3), (0.9, 0.6)),
        ("b", (2,), (0.99,)),
    ]
    assert found[1].mean == pytest.approx(0.75)
    assert found[1].best_final_trial == 0
    assert found[1].predictions == "sweeps/cells/final/trials/0000/predictions-valid.parquet"
    assert found[2].interval is None


def test_failed_runs_count_for_nothing_and_a_candidate_without_runs_is_left_out() -> None:
    wanted = [Candidate("trial 0", 0, {"units": 3}), Candidate("trial 1", 1, {"units": 4})]
    found = candidate_results(
        wanted, [run(0, 3, 0.9), run(1, 4, None), run(2, 3, None)], direction=Direction.MAX, seeds=3, paths=PATHS
    )
    assert [(c.name, c.values) for c in found] == [("trial 0", (0.9,))]


def test_runs_beyond_the_seeds_do_not_count() -> None:
    found = candidate_results(
        [Candidate("trial 0", 0, {"units": 3})],
        [run(0, 3, 0.5), run(1, 3, 0.9)],
        direction=Direction.MAX,
        seeds=1,
        paths=PATHS,
    )
    assert found[0].values == (0.5,)


def test_a_result_survives_json() -> None:
    ranking = candidate_results(
        [Candidate("trial 0", 0, {"units": 3})],
        [run(0, 3, 0.5), run(1, 3, 0.6)],
        direction=Direction.MAX,
        seeds=2,
        paths=PATHS,
    )
    result = FinalResult("valid_accuracy", "max", 2, tuple(ranking), (), ())
    assert FinalResult.from_json(result.to_json()) == result
    assert not result.is_in_doubt
    assert result.look is None
