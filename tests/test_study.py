"""The study as brain and journal, over real journal files."""

from __future__ import annotations

import importlib.util
import math
from pathlib import Path

import pytest

from sweepkit.config.schema import SweepConfig
from sweepkit.space import Choice, Float, Int, Params, Space
from sweepkit.study.pruning import Decision
from sweepkit.study.study import SweepStudy
from sweepkit.trial.failure import Failure
from sweepkit.trial.trial import Report, Trial, TrialState

SPACE = Space(
    {
        "cell": Choice(("gru", "none")),
        "units": Int(8, 64, step=8, when={"cell": ("gru",)}),
        "rate": Float(1e-4, 1e-1, log=True),
    }
)
GRID = Space({"cell": Choice(("gru", "none")), "units": Int(8, 24, step=8, when={"cell": ("gru",)})})


def spec(
    *, trials: int = 30, sampler: str = "random", mode: str = "max", seed: int = 1, **stopping: object
) -> SweepConfig:
    return SweepConfig.model_validate(
        {
            "sweep": "toy",
            "package": "toy",
            "objective": {"metric": "score", "mode": mode},
            "search": {"sampler": sampler, "trials": trials, "seed": seed},
            "stopping": {"rule": "none", "max_epochs": 9, **stopping},
        }
    )


def opened(folder: Path, wanted: SweepConfig, space: Space = SPACE) -> SweepStudy:
    return SweepStudy.open(folder / "journal.log", wanted, space)


def report(epoch: int, score: float) -> Report:
    return Report(epoch, {"score": score, "train_loss": 1.0}, timestamp=1.7e9 + epoch)


def asked(study: SweepStudy) -> Trial:
    record = study.ask()
    assert record is not None
    return record


def run(study: SweepStudy, scores: list[float]) -> Decision | None:
    """Run one trial over `scores` until it is stopped, and write its ending."""
    number = asked(study).number
    for epoch, score in enumerate(scores, start=1):
        verdict = study.report(number, report(epoch, score))
        if verdict:
            study.finish(number, verdict)
            return verdict
    return None


def test_points_hold_only_active_parameters(tmp_path: Path) -> None:
    study = opened(tmp_path, spec())
    points = [asked(study).point for _ in range(20)]
    assert {point["cell"] for point in points} == {"gru", "none"}
    assert all(("units" in point) == (point["cell"] == "gru") for point in points)


def test_asking_ends_at_the_target(tmp_path: Path) -> None:
    study = opened(tmp_path, spec(trials=2))
    assert [study.ask() is None for _ in range(3)] == [False, False, True]


def test_a_reopened_study_proposes_what_an_uninterrupted_one_would(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    whole = opened(tmp_path / "a", spec(sampler="tpe"))
    expected = [asked(whole).point for _ in range(14)]
    points = []
    for _ in range(14):
        points.append(asked(opened(tmp_path / "b", spec(sampler="tpe"))).point)
    assert points == expected
    assert len({str(point) for point in points}) > 10


@pytest.mark.parametrize("sampler", ["tpe", "random", "qmc", "cmaes", "gp"])
def test_samplers_fill_conditional_spaces(tmp_path: Path, sampler: str) -> None:
    if sampler == "gp" and importlib.util.find_spec("torch") is None:
        pytest.skip("the gp sampler needs torch, which is an extra")
    study = opened(tmp_path, spec(sampler=sampler, trials=25))
    for _ in range(25):
        record = asked(study)
        study.report(record.number, report(1, float(record.point["rate"])))
        study.finish(record.number, Decision(TrialState.COMPLETE, "done"))
    records = study.records()
    # a sampler that has found the best corner may go back there, as gp does
    assert len({str(record.point) for record in records}) > 12
    assert all(SPACE.params[name].contains(value) for r in records for name, value in r.point.items())


def test_faults_are_in_the_journal_in_order_and_survive_reopening(tmp_path: Path) -> None:
    study = opened(tmp_path, spec())
    record = asked(study)
    faults = [Failure(n, f"OSError: {n}", counts=n > 0, timestamp=float(n)) for n in range(3)]
    assert [study.fault(record.number, fault) for fault in faults] == [True, True, False]
    assert opened(tmp_path, spec()).record(record.number).faults == tuple(faults)
    assert asked(study).faults == ()


@pytest.mark.slow
def test_tpe_models_conditional_parameters(tmp_path: Path) -> None:
    """With groups, `units` moves to where the score is though half of the trials do not have it."""
    study = opened(tmp_path, spec(sampler="tpe", trials=60))
    for _ in range(60):
        record = asked(study)
        score = -abs(float(record.point.get("units", 8)) - 56) / 56
        study.report(record.number, report(1, score))
        study.finish(record.number, Decision(TrialState.COMPLETE, "done"))
    late = [record.point["units"] for record in study.records()[30:] if "units" in record.point]
    assert sum(unit in (48, 56, 64) for unit in late) > 0.7 * len(late)


def test_grid_tries_every_point_once(tmp_path: Path) -> None:
    study = opened(tmp_path, spec(sampler="grid", trials=100), GRID)
    assert study.n_target == 4
    points = []
    while (record := study.ask()) is not None:
        points.append(dict(record.point))
    assert points == list(GRID.grid())


def test_grid_goes_on_after_reopening(tmp_path: Path) -> None:
    first = dict(asked(opened(tmp_path, spec(sampler="grid"), GRID)).point)
    rest = opened(tmp_path, spec(sampler="grid"), GRID)
    points = [first]
    while (record := rest.ask()) is not None:
        points.append(dict(record.point))
    assert points == list(GRID.grid())


def test_grid_runs_the_dearest_points_first(tmp_path: Path) -> None:
    study = SweepStudy.open(
        tmp_path / "journal.log", spec(sampler="grid"), GRID, cost=lambda point: float(point.get("units", 0))
    )
    assert [asked(study).point.get("units") for _ in range(4)] == [24, 16, 8, None]


def test_a_grid_that_was_cut_short_is_extended_by_its_other_points(tmp_path: Path) -> None:
    first = opened(tmp_path, spec(sampler="grid", trials=2), GRID)
    points = [dict(asked(first).point) for _ in range(2)]
    assert first.ask() is None
    longer = opened(tmp_path, spec(sampler="grid", trials=100), GRID)
    while (record := longer.ask()) is not None:
        points.append(dict(record.point))
    assert points == list(GRID.grid())


def test_asha_stops_below_the_best_third_of_a_rung_and_says_so(tmp_path: Path) -> None:
    study = opened(tmp_path, spec(rule="asha", grace_epochs=1, reduction=3))
    numbers = [asked(study).number for _ in range(3)]
    assert study.report(numbers[0], report(1, 0.7)) is None
    assert study.report(numbers[1], report(1, 0.8)) is None
    assert study.report(numbers[2], report(1, 0.6)) == Decision(
        TrialState.PRUNED,
        "rung at epoch 1: score 0.6000 is not among the best 1/3 of 3 trials (needed 0.8000)",
    )


def test_asha_leaves_epochs_between_rungs_alone(tmp_path: Path) -> None:
    study = opened(tmp_path, spec(rule="asha", grace_epochs=1, reduction=3))
    good, bad = asked(study).number, asked(study).number
    study.report(bad, report(1, 0.5))
    for epoch in (1, 2, 3):
        assert study.report(good, report(epoch, 0.9)) is None
    assert study.report(bad, report(2, 0.1)) is None
    verdict = study.report(bad, report(3, 0.1))
    assert verdict is not None
    assert verdict.reason.startswith("rung at epoch 3: ")


def test_rungs_survive_reopening(tmp_path: Path) -> None:
    wanted = spec(rule="asha")
    first = opened(tmp_path, wanted)
    for score in (0.9, 0.8):
        first.report(asked(first).number, report(1, score))
    again = opened(tmp_path, wanted)
    verdict = again.report(asked(again).number, report(1, 0.5))
    assert verdict is not None
    assert verdict.outcome is TrialState.PRUNED


def test_asha_stops_high_values_when_less_is_better(tmp_path: Path) -> None:
    study = opened(tmp_path, spec(rule="asha", mode="min"))
    low, high = asked(study).number, asked(study).number
    assert study.report(low, report(1, 0.1)) is None
    verdict = study.report(high, report(1, 0.9))
    assert verdict is not None
    assert "needed 0.1000" in verdict.reason


@pytest.mark.slow
def test_hyperband_stops_and_names_its_bracket(tmp_path: Path) -> None:
    study = opened(tmp_path, spec(rule="hyperband", trials=40))
    verdicts = [run(study, [0.9 - 0.02 * i] * 9) for i in range(40)]
    stopped = [verdict for verdict in verdicts if verdict and verdict.outcome is TrialState.PRUNED]
    assert stopped
    assert all("of its bracket" in verdict.reason for verdict in stopped)


def test_median_stops_the_worse_half_after_its_warmup(tmp_path: Path) -> None:
    study = opened(tmp_path, spec(rule="median", warmup_trials=2))
    assert run(study, [0.8] * 9) == Decision(TrialState.COMPLETE, "ran all 9 epochs")
    assert run(study, [0.6] * 9) == Decision(TrialState.COMPLETE, "ran all 9 epochs")
    assert run(study, [0.5] * 9) == Decision(
        TrialState.PRUNED, "epoch 1: its best score is worse than the median of the completed trials"
    )


def test_the_last_epoch_completes_whatever_the_rule_says(tmp_path: Path) -> None:
    study = opened(tmp_path, spec(rule="asha", max_epochs=3, grace_epochs=3))
    run(study, [0.9, 0.9, 0.9])
    assert run(study, [0.1, 0.1, 0.1]) == Decision(TrialState.COMPLETE, "ran all 3 epochs")


def test_patience_completes_a_trial_on_top_of_any_rule(tmp_path: Path) -> None:
    study = opened(tmp_path, spec(rule="asha", patience=2))
    assert run(study, [0.5, 0.4, 0.4, 0.9]) == Decision(
        TrialState.COMPLETE, "nothing better than 0.5000 (epoch 1) in 2 epochs"
    )


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_value_that_is_not_finite_fails_the_trial_at_once(tmp_path: Path, bad: float) -> None:
    study = opened(tmp_path, spec(rule="asha"))
    verdict = run(study, [0.5, bad, 0.9])
    assert verdict == Decision(TrialState.FAILED, f"score is {bad} at epoch 2")
    assert study.record(0).outcome is TrialState.FAILED


def test_a_missing_objective_fails_the_trial_and_names_what_came(tmp_path: Path) -> None:
    study = opened(tmp_path, spec())
    number = asked(study).number
    verdict = study.report(number, Report(1, {"valid_auc": 0.4}, 0.0))
    assert verdict == Decision(
        TrialState.FAILED, "metric 'score' was not reported at epoch 1 of trial 0; reported: 'valid_auc'"
    )


def test_the_journal_keeps_every_metric_and_the_best_epoch(tmp_path: Path) -> None:
    study = opened(tmp_path, spec(max_epochs=3))
    run(study, [0.5, 0.7, 0.6])
    record = opened(tmp_path, spec(max_epochs=3)).record(0)
    assert [r.metrics for r in record.reports] == [{"score": s, "train_loss": 1.0} for s in (0.5, 0.7, 0.6)]
    assert (record.best_value, record.best_epoch, record.epoch) == (0.7, 2, 3)
    assert (record.outcome, record.reason) == (TrialState.COMPLETE, "ran all 3 epochs")


def test_an_epoch_reported_twice_counts_once(tmp_path: Path) -> None:
    study = opened(tmp_path, spec())
    number = asked(study).number
    study.report(number, report(1, 0.5))
    assert study.report(number, report(1, 0.9)) is None
    assert [r.metrics["score"] for r in study.record(number).reports] == [0.5]


def test_unfinished_trials_are_found_after_reopening(tmp_path: Path) -> None:
    study = opened(tmp_path, spec(max_epochs=1))
    run(study, [0.5])
    asked(study)
    assert [record.number for record in opened(tmp_path, spec()).unfinished()] == [1]


def test_a_trial_whose_last_report_ended_it_is_judged_so_when_the_driver_died_before_it_could_say_so(
    tmp_path: Path,
) -> None:
    study = opened(tmp_path, spec(rule="asha"))
    for score in (0.9, 0.8, math.nan):
        study.report(asked(study).number, report(1, score))
    again = opened(tmp_path, spec(rule="asha"))
    assert [again.judge(record.number) for record in again.unfinished()] == [
        None,
        Decision(
            TrialState.PRUNED, "rung at epoch 1: score 0.8000 is not among the best 1/3 of 2 trials (needed 0.9000)"
        ),
        Decision(TrialState.FAILED, "score is nan at epoch 1"),
    ]


def test_a_grid_whose_queueing_was_interrupted_is_queued_to_its_end(tmp_path: Path) -> None:
    def cost(point: Params) -> float:
        return float(point.get("units", 0))

    whole = SweepStudy.open(tmp_path / "journal.log", spec(sampler="grid"), GRID, cost=cost)
    lines = (tmp_path / "journal.log").read_bytes().splitlines(keepends=True)
    (tmp_path / "journal.log").write_bytes(b"".join(lines[:-2]))
    again = SweepStudy.open(tmp_path / "journal.log", spec(sampler="grid"), GRID, cost=cost)
    assert again.queued() == whole.queued()


def test_extending_asks_only_for_what_is_missing(tmp_path: Path) -> None:
    study = opened(tmp_path, spec(trials=2))
    while study.ask():
        pass
    longer = opened(tmp_path, spec(trials=3))
    assert asked(longer).number == 2
    assert longer.ask() is None


def test_faults_from_before_an_extension_use_up_none_of_its_retries(tmp_path: Path) -> None:
    study = opened(tmp_path, spec(trials=1, max_epochs=1))
    number = asked(study).number
    assert study.fault(number, Failure(0, "OSError", counts=True, timestamp=1.0)) is True
    verdict = study.report(number, report(1, 0.5))
    assert verdict is not None
    study.finish(number, verdict)
    for _ in range(2):  # opened twice, as after a death
        longer = opened(tmp_path, spec(trials=1, max_epochs=2))
        longer.extend()
    assert longer.fault(number, Failure(1, "OSError", counts=True, timestamp=2.0)) is True
    assert longer.fault(number, Failure(1, "OSError", counts=True, timestamp=3.0)) is False
    assert len(longer.record(number).faults) == 3
