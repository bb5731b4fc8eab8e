"""Sweeps that were interrupted or extended, over real journals: their results, and the trials that Optuna sees."""

from __future__ import annotations

import os
from pathlib import Path

import optuna
import pytest

from sweepkit.space import Choice, Float, Int, Space
from sweepkit.study.journal import Journal
from sweepkit.study.study import SweepStudy
from sweepkit.trial.trial import Trial, TrialState
from tests.support.simulated import journal, opened, run, spec_of, story


@pytest.fixture(autouse=True)
def unsynced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Write journals without waiting for the disk, which would take most of these tests' time."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


def asha(max_epochs: int) -> dict[str, object]:
    return {"rule": "asha", "max_epochs": max_epochs, "grace_epochs": 1, "reduction": 2}


def none(max_epochs: int, **more: object) -> dict[str, object]:
    return {"rule": "none", "max_epochs": max_epochs, **more}


def shown(study: SweepStudy) -> list[tuple[int, str, float | None]]:
    """Return the trials as samplers and pruners see them."""
    return [(t.number, t.state.name, t.value) for t in study._study.get_trials(deepcopy=False)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sampler", "stopping"),
    [
        ("random", asha(4)),
        ("tpe", none(3, patience=1)),
        ("random", {"rule": "median", "max_epochs": 3, "warmup_trials": 2}),
        ("random", {"rule": "hyperband", "max_epochs": 4, "reduction": 2}),
    ],
    ids=["asha", "patience", "median", "hyperband"],
)
def test_a_driver_that_dies_after_any_line_of_its_journal_changes_nothing(
    tmp_path: Path, sampler: str, stopping: dict[str, object]
) -> None:
    config = spec_of(search={"sampler": sampler, "trials": 5, "seed": 1}, stopping=stopping)
    expected = story(run(tmp_path / "whole", config)[0])
    assert len({repr(trial[3:5]) for trial in expected}) > 1, "the pruner has trials to stop"
    lines = journal(tmp_path / "whole").read_bytes().splitlines(keepends=True)
    for number in range(len(lines)):
        folder = tmp_path / f"killed-{number}"
        folder.mkdir()
        journal(folder).write_bytes(b"".join(lines[:number]))
        assert story(run(folder, config)[0]) == expected, f"after line {number}: {lines[number - 1]!r}"


def test_a_journal_without_a_line_has_no_trials(tmp_path: Path) -> None:
    """Optuna makes the file first."""
    journal(tmp_path).touch()
    empty = Journal.read(journal(tmp_path), spec_of())
    assert (empty.trials(), empty.runs(), empty.extensible()) == ([], [], [])
    assert journal(tmp_path).read_bytes() == b""


def test_survivors_continue_to_a_later_last_epoch_as_if_it_had_been_that_from_the_start(tmp_path: Path) -> None:
    whole = story(run(tmp_path / "whole", spec_of(stopping=none(4)))[0])
    run(tmp_path / "extended", spec_of(stopping=none(2)))
    assert story(run(tmp_path / "extended", spec_of(stopping=none(4)))[0]) == whole
    assert {reason for *_, reason, _, _ in whole} == {"ran all 4 epochs"}


@pytest.mark.slow
def test_an_extension_that_dies_after_any_line_is_resumed(tmp_path: Path) -> None:
    config = {"search": {"sampler": "random", "trials": 3, "seed": 1}}
    first, longer = spec_of(**config, stopping=none(1)), spec_of(**config, stopping=none(2))
    run(tmp_path / "whole", first)
    n_before = len(journal(tmp_path / "whole").read_bytes().splitlines())
    expected = story(run(tmp_path / "whole", longer)[0])
    lines = journal(tmp_path / "whole").read_bytes().splitlines(keepends=True)
    assert len(lines) > n_before + 10
    for number in range(n_before, len(lines)):
        folder = tmp_path / f"killed-{number}"
        folder.mkdir()
        journal(folder).write_bytes(b"".join(lines[:number]))
        assert story(run(folder, longer)[0]) == expected, f"after line {number}: {lines[number - 1]!r}"


def test_extending_twice_keeps_numbers_and_reports(tmp_path: Path) -> None:
    for last in (1, 2, 4):
        study, _ = run(tmp_path, spec_of(stopping=none(last)))
    assert story(study) == story(run(tmp_path / "whole", spec_of(stopping=none(4)))[0])
    assert shown(study) == [(trial.number, "COMPLETE", trial.best_value) for trial in study.trials()]


def test_trials_that_a_rung_or_patience_ended_stay_ended(tmp_path: Path) -> None:
    before = run(tmp_path, spec_of(stopping=asha(3) | {"patience": 1}))[0].trials()
    stopped = [trial for trial in before if not (trial.reason or "").startswith("ran all")]
    assert 0 < len(stopped) < len(before)
    after = run(tmp_path, spec_of(stopping=asha(7) | {"patience": 1}))[0].trials()
    assert [after[trial.number] for trial in stopped] == stopped


def test_a_survivor_is_first_compared_at_the_rung_that_was_its_last_epoch(tmp_path: Path) -> None:
    search = {"sampler": "random", "trials": 8, "seed": 4}
    run(tmp_path / "a", spec_of(search=search, stopping=asha(2)))
    extended = story(run(tmp_path / "a", spec_of(search=search, stopping=asha(5)))[0])
    assert extended == story(run(tmp_path / "b", spec_of(search=search, stopping=asha(5)))[0])
    assert any("rung at epoch 2" in str(reason) for *_, reason, _, _ in extended)


def test_an_extended_trial_keeps_its_start_and_run_id_and_the_time_between_does_not_count(tmp_path: Path) -> None:
    study = opened(tmp_path, spec_of(stopping=none(4)))
    run(tmp_path, spec_of(stopping=none(2), search={"trials": 1}))
    before = _with_run_id(tmp_path)
    study, _ = run(tmp_path, spec_of(stopping=none(4), search={"trials": 1}))
    trial = study.trial(0)
    assert (trial.started, trial.run_id, trial.epoch) == (before.started, "run-7", 4)
    assert trial.seconds is not None
    assert trial.seconds < 60  # the reports' own times are years ago


def _with_run_id(folder: Path) -> Trial:
    """Continue a trial and note the run of its first attempt."""
    study = opened(folder, spec_of(stopping=none(3), search={"trials": 1}))
    study.extend()
    study.note(0, "run_id", "run-7")
    return study.trial(0)


def test_while_a_survivor_runs_again_the_sampler_sees_it_as_it_had_ended(tmp_path: Path) -> None:
    before = shown(run(tmp_path, spec_of(stopping=none(2)))[0])
    study = opened(tmp_path, spec_of(stopping=none(4)))
    study.extend()
    assert shown(study) == before
    assert [trial.number for trial in study.unfinished()] == [0, 1, 2, 3, 4, 5]
    assert study._study.get_trials(states=(optuna.trial.TrialState.RUNNING,)) == []


def test_more_trials_after_an_extension_are_numbered_and_drawn_as_without_it(tmp_path: Path) -> None:
    more = {"sampler": "random", "trials": 9, "seed": 1}
    run(tmp_path / "extended", spec_of(stopping=none(2)))
    run(tmp_path / "extended", spec_of(stopping=none(4)))
    extended, _ = run(tmp_path / "extended", spec_of(stopping=none(4), search=more))
    assert story(extended) == story(run(tmp_path / "whole", spec_of(stopping=none(4), search=more))[0])


def test_a_grid_is_extended_by_epochs_and_then_by_params(tmp_path: Path) -> None:
    space = Space({"cell": Choice(("gru", "none")), "units": Int(8, 24, step=8, when={"cell": ("gru",)})})
    grid = {"sampler": "grid", "trials": 2}
    run(tmp_path, spec_of(search=grid, stopping=none(1)), space)
    run(tmp_path, spec_of(search=grid, stopping=none(2)), space)
    study, _ = run(tmp_path, spec_of(search=grid | {"trials": 100}, stopping=none(2)), space)
    assert [dict(trial.params) for trial in study.trials()] == list(space.grid())


@pytest.mark.parametrize("sampler", ["tpe", "cmaes", "qmc"])
@pytest.mark.slow
def test_every_sampler_continues_after_an_extension(tmp_path: Path, sampler: str) -> None:
    space = Space({"rate": Float(1e-4, 1e-1, log=True), "dropout": Float(0.0, 0.5)})
    search = {"sampler": sampler, "trials": 12, "seed": 1}
    run(tmp_path, spec_of(search=search, stopping=none(1)), space)
    study, _ = run(tmp_path, spec_of(search=search | {"trials": 20}, stopping=none(2)), space)
    assert [(r.number, r.epoch, r.state) for r in study.trials()] == [(n, 2, TrialState.COMPLETE) for n in range(20)]
    assert len({str(r.params) for r in study.trials()}) == 20


@pytest.mark.slow
def test_hyperband_keeps_its_brackets(tmp_path: Path) -> None:
    """With more brackets, values of different rungs would be compared with each other."""
    search = {"sampler": "random", "trials": 10, "seed": 1}
    stopping = {"rule": "hyperband", "reduction": 2}
    run(tmp_path, spec_of(search=search, stopping=stopping | {"max_epochs": 4}))
    study, _ = run(tmp_path, spec_of(search=search, stopping=stopping | {"max_epochs": 16}))
    for trial in study._study.get_trials():
        values = [value for key, value in sorted(trial.system_attrs.items()) if key.startswith("completed_rung_")]
        reached = [trial.intermediate_values[epoch] for epoch in (1, 2, 4, 8) if epoch in trial.intermediate_values]
        assert values == reached[len(reached) - len(values) :] or values == reached[: len(values)]
    assert max(trial.epoch for trial in study.trials()) == 16


def test_a_survivor_without_checkpoints_reports_nothing_twice(tmp_path: Path) -> None:
    keep = {"keep": 2}
    study, _ = run(tmp_path, spec_of(stopping=none(2), storage=keep))
    times = {(r.number, x.epoch): x.timestamp for r in study.trials() for x in r.reports}
    n_kept = sum(path.is_dir() for path in tmp_path.glob("sweeps/toy/trials/*/checkpoints"))
    assert n_kept == 2
    after, controller = run(tmp_path, spec_of(stopping=none(4), storage=keep))
    assert story(after) == story(run(tmp_path / "whole", spec_of(stopping=none(4)))[0])
    assert controller.usage().epochs == 6 * 4
    assert all(x.timestamp == times.get((r.number, x.epoch), x.timestamp) for r in after.trials() for x in r.reports)
