"""Suggestions, decisions and the journal of a study, over real journal files."""

from __future__ import annotations

import importlib.util
import math
from pathlib import Path

import pytest

from sweepkit.space import Choice, Int, Params, Space
from sweepkit.study.pruning import Decision
from sweepkit.study.study import SweepStudy
from sweepkit.trial.failure import Failure
from sweepkit.trial.trial import Report, TrialState
from tests.support.studies import SPACE, asked, config, opened, report

GRID = Space({"cell": Choice(("gru", "none")), "units": Int(8, 24, step=8, when={"cell": ("gru",)})})


def run(study: SweepStudy, scores: list[float]) -> Decision | None:
    """Run one trial over `scores` until it is stopped, and write its end."""
    number = asked(study).number
    for epoch, score in enumerate(scores, start=1):
        decision = study.report(number, report(epoch, score))
        if decision:
            study.finish(number, decision)
            return decision
    return None


def test_params_have_only_active_parameters(tmp_path: Path) -> None:
    study = opened(tmp_path, config())
    param_sets = [asked(study).params for _ in range(20)]
    assert {params["cell"] for params in param_sets} == {"gru", "none"}
    assert all(("units" in params) == (params["cell"] == "gru") for params in param_sets)


def test_ask_returns_none_at_the_target(tmp_path: Path) -> None:
    study = opened(tmp_path, config(trials=2))
    assert [study.ask() is None for _ in range(3)] == [False, False, True]


def test_a_reopened_study_suggests_what_an_uninterrupted_one_would_have(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    whole = opened(tmp_path / "a", config(sampler="tpe"))
    expected = [asked(whole).params for _ in range(14)]
    param_sets = []
    for _ in range(14):
        param_sets.append(asked(opened(tmp_path / "b", config(sampler="tpe"))).params)
    assert param_sets == expected
    assert len({str(params) for params in param_sets}) > 10


@pytest.mark.parametrize("sampler", ["tpe", "random", "qmc", "cmaes", "gp"])
def test_samplers_fill_conditional_spaces(tmp_path: Path, sampler: str) -> None:
    if sampler == "gp" and importlib.util.find_spec("torch") is None:
        pytest.skip("the gp sampler needs torch, which is an extra")
    study = opened(tmp_path, config(sampler=sampler, trials=25))
    for _ in range(25):
        trial = asked(study)
        study.report(trial.number, report(1, float(trial.params["rate"])))
        study.finish(trial.number, Decision(TrialState.COMPLETE, "done"))
    trials = study.trials()
    # a sampler may return to the best corner, as gp does
    assert len({str(trial.params) for trial in trials}) > 12
    assert all(SPACE.parameters[name].contains(value) for r in trials for name, value in r.params.items())


def test_failures_are_in_the_journal_in_order_and_survive_reopening(tmp_path: Path) -> None:
    study = opened(tmp_path, config())
    trial = asked(study)
    failures = [Failure(n, f"OSError: {n}", counts=n > 0, timestamp=float(n)) for n in range(3)]
    assert [study.record_failure(trial.number, failure) for failure in failures] == [True, True, False]
    assert opened(tmp_path, config()).trial(trial.number).failures == tuple(failures)
    assert asked(study).failures == ()


@pytest.mark.slow
def test_tpe_models_conditional_parameters(tmp_path: Path) -> None:
    """With groups, `units` converges to the best score though half of the trials do not have it."""
    study = opened(tmp_path, config(sampler="tpe", trials=60))
    for _ in range(60):
        trial = asked(study)
        score = -abs(float(trial.params.get("units", 8)) - 56) / 56
        study.report(trial.number, report(1, score))
        study.finish(trial.number, Decision(TrialState.COMPLETE, "done"))
    late = [trial.params["units"] for trial in study.trials()[30:] if "units" in trial.params]
    assert sum(unit in (48, 56, 64) for unit in late) > 0.7 * len(late)


def test_a_grid_runs_all_of_its_params_once(tmp_path: Path) -> None:
    study = opened(tmp_path, config(sampler="grid", trials=100), GRID)
    assert study.n_target == 4
    param_sets = []
    while (trial := study.ask()) is not None:
        param_sets.append(dict(trial.params))
    assert param_sets == list(GRID.grid())


def test_a_grid_continues_after_reopening(tmp_path: Path) -> None:
    first = dict(asked(opened(tmp_path, config(sampler="grid"), GRID)).params)
    rest = opened(tmp_path, config(sampler="grid"), GRID)
    param_sets = [first]
    while (trial := rest.ask()) is not None:
        param_sets.append(dict(trial.params))
    assert param_sets == list(GRID.grid())


def test_a_grid_runs_the_most_expensive_params_first(tmp_path: Path) -> None:
    study = SweepStudy.open(
        tmp_path / "journal.log", config(sampler="grid"), GRID, cost=lambda params: float(params.get("units", 0))
    )
    assert [asked(study).params.get("units") for _ in range(4)] == [24, 16, 8, None]


def test_a_grid_that_was_cut_short_is_extended_by_its_other_params(tmp_path: Path) -> None:
    first = opened(tmp_path, config(sampler="grid", trials=2), GRID)
    param_sets = [dict(asked(first).params) for _ in range(2)]
    assert first.ask() is None
    longer = opened(tmp_path, config(sampler="grid", trials=100), GRID)
    while (trial := longer.ask()) is not None:
        param_sets.append(dict(trial.params))
    assert param_sets == list(GRID.grid())


def test_asha_prunes_below_the_best_third_of_a_rung_and_gives_the_reason(tmp_path: Path) -> None:
    study = opened(tmp_path, config(rule="asha", grace_epochs=1, reduction=3))
    numbers = [asked(study).number for _ in range(3)]
    assert study.report(numbers[0], report(1, 0.7)) is None
    assert study.report(numbers[1], report(1, 0.8)) is None
    assert study.report(numbers[2], report(1, 0.6)) == Decision(
        TrialState.PRUNED,
        "rung at epoch 1: score 0.6000 is not among the best 1/3 of 3 trials (needed 0.8000)",
    )


def test_asha_prunes_at_rungs_only(tmp_path: Path) -> None:
    study = opened(tmp_path, config(rule="asha", grace_epochs=1, reduction=3))
    good, bad = asked(study).number, asked(study).number
    study.report(bad, report(1, 0.5))
    for epoch in (1, 2, 3):
        assert study.report(good, report(epoch, 0.9)) is None
    assert study.report(bad, report(2, 0.1)) is None
    decision = study.report(bad, report(3, 0.1))
    assert decision is not None
    assert decision.reason.startswith("rung at epoch 3: ")


def test_rungs_survive_reopening(tmp_path: Path) -> None:
    settings = config(rule="asha")
    first = opened(tmp_path, settings)
    for score in (0.9, 0.8):
        first.report(asked(first).number, report(1, score))
    again = opened(tmp_path, settings)
    decision = again.report(asked(again).number, report(1, 0.5))
    assert decision is not None
    assert decision.state is TrialState.PRUNED


def test_asha_prunes_high_values_when_less_is_better(tmp_path: Path) -> None:
    study = opened(tmp_path, config(rule="asha", direction="min"))
    low, high = asked(study).number, asked(study).number
    assert study.report(low, report(1, 0.1)) is None
    decision = study.report(high, report(1, 0.9))
    assert decision is not None
    assert "needed 0.1000" in decision.reason


@pytest.mark.slow
def test_hyperband_prunes_and_names_its_bracket(tmp_path: Path) -> None:
    study = opened(tmp_path, config(rule="hyperband", trials=40))
    decisions = [run(study, [0.9 - 0.02 * i] * 9) for i in range(40)]
    stopped = [decision for decision in decisions if decision and decision.state is TrialState.PRUNED]
    assert stopped
    assert all("of its bracket" in decision.reason for decision in stopped)


def test_median_prunes_the_worse_half_after_its_warmup(tmp_path: Path) -> None:
    study = opened(tmp_path, config(rule="median", warmup_trials=2))
    assert run(study, [0.8] * 9) == Decision(TrialState.COMPLETE, "ran all 9 epochs")
    assert run(study, [0.6] * 9) == Decision(TrialState.COMPLETE, "ran all 9 epochs")
    assert run(study, [0.5] * 9) == Decision(
        TrialState.PRUNED, "epoch 1: its best score is worse than the median of the completed trials"
    )


def test_the_last_epoch_completes_a_trial_whatever_the_pruner_would_decide(tmp_path: Path) -> None:
    study = opened(tmp_path, config(rule="asha", max_epochs=3, grace_epochs=3))
    run(study, [0.9, 0.9, 0.9])
    assert run(study, [0.1, 0.1, 0.1]) == Decision(TrialState.COMPLETE, "ran all 3 epochs")


def test_patience_completes_a_trial_beside_any_pruner(tmp_path: Path) -> None:
    study = opened(tmp_path, config(rule="asha", patience=2))
    assert run(study, [0.5, 0.4, 0.4, 0.9]) == Decision(
        TrialState.COMPLETE, "nothing better than 0.5000 (epoch 1) in 2 epochs"
    )


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_value_that_is_not_finite_fails_the_trial_at_once(tmp_path: Path, bad: float) -> None:
    study = opened(tmp_path, config(rule="asha"))
    decision = run(study, [0.5, bad, 0.9])
    assert decision == Decision(TrialState.FAILED, f"score is {bad} at epoch 2")
    assert study.trial(0).state is TrialState.FAILED


def test_a_missing_objective_fails_the_trial_and_names_the_reported_metrics(tmp_path: Path) -> None:
    study = opened(tmp_path, config())
    number = asked(study).number
    decision = study.report(number, Report(1, {"valid_auc": 0.4}, 0.0))
    assert decision == Decision(
        TrialState.FAILED, "metric 'score' was not reported at epoch 1 of trial 0; reported: 'valid_auc'"
    )


def test_the_journal_keeps_every_metric_and_the_best_epoch(tmp_path: Path) -> None:
    study = opened(tmp_path, config(max_epochs=3))
    run(study, [0.5, 0.7, 0.6])
    trial = opened(tmp_path, config(max_epochs=3)).trial(0)
    assert [r.metrics for r in trial.reports] == [{"score": s, "train_loss": 1.0} for s in (0.5, 0.7, 0.6)]
    assert (trial.best_value, trial.best_epoch, trial.epoch) == (0.7, 2, 3)
    assert (trial.state, trial.reason) == (TrialState.COMPLETE, "ran all 3 epochs")


def test_an_epoch_reported_twice_counts_once(tmp_path: Path) -> None:
    study = opened(tmp_path, config())
    number = asked(study).number
    study.report(number, report(1, 0.5))
    assert study.report(number, report(1, 0.9)) is None
    assert [r.metrics["score"] for r in study.trial(number).reports] == [0.5]


def test_unfinished_trials_are_found_after_reopening(tmp_path: Path) -> None:
    study = opened(tmp_path, config(max_epochs=1))
    run(study, [0.5])
    asked(study)
    assert [trial.number for trial in opened(tmp_path, config()).unfinished()] == [1]


def test_a_trial_whose_last_report_ended_it_ends_when_the_driver_died_before_it_could_write_that(
    tmp_path: Path,
) -> None:
    study = opened(tmp_path, config(rule="asha"))
    for score in (0.9, 0.8, math.nan):
        study.report(asked(study).number, report(1, score))
    again = opened(tmp_path, config(rule="asha"))
    assert [again.decide_again(trial.number) for trial in again.unfinished()] == [
        None,
        Decision(
            TrialState.PRUNED, "rung at epoch 1: score 0.8000 is not among the best 1/3 of 2 trials (needed 0.9000)"
        ),
        Decision(TrialState.FAILED, "score is nan at epoch 1"),
    ]


def test_a_grid_whose_queueing_was_interrupted_is_queued_to_its_end(tmp_path: Path) -> None:
    def cost(params: Params) -> float:
        return float(params.get("units", 0))

    whole = SweepStudy.open(tmp_path / "journal.log", config(sampler="grid"), GRID, cost=cost)
    lines = (tmp_path / "journal.log").read_bytes().splitlines(keepends=True)
    (tmp_path / "journal.log").write_bytes(b"".join(lines[:-2]))
    again = SweepStudy.open(tmp_path / "journal.log", config(sampler="grid"), GRID, cost=cost)
    assert again.queued() == whole.queued()


def test_a_longer_study_suggests_only_the_trials_that_are_missing(tmp_path: Path) -> None:
    study = opened(tmp_path, config(trials=2))
    while study.ask():
        pass
    longer = opened(tmp_path, config(trials=3))
    assert asked(longer).number == 2
    assert longer.ask() is None


def test_failures_from_before_an_extension_use_up_none_of_its_retries(tmp_path: Path) -> None:
    study = opened(tmp_path, config(trials=1, max_epochs=1))
    number = asked(study).number
    assert study.record_failure(number, Failure(0, "OSError", counts=True, timestamp=1.0)) is True
    decision = study.report(number, report(1, 0.5))
    assert decision is not None
    study.finish(number, decision)
    for _ in range(2):  # opened twice, as after a kill
        longer = opened(tmp_path, config(trials=1, max_epochs=2))
        longer.extend()
    assert longer.record_failure(number, Failure(1, "OSError", counts=True, timestamp=2.0)) is True
    assert longer.record_failure(number, Failure(1, "OSError", counts=True, timestamp=3.0)) is False
    assert len(longer.trial(number).failures) == 3
