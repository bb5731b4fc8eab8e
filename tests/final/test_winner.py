"""A sweep's winner as a bundle: made when it is asked for, kept while it leads, the final stage's if there is one."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pyarrow.fs as pafs
import pytest

from sweepkit.bundle.manifest import MANIFEST
from sweepkit.errors import DataError, InputError
from sweepkit.results.final_result import CandidateResult, FinalResult
from sweepkit.results.statistics import proportion_interval
from sweepkit.storage.storage import Storage
from sweepkit.trial.trial import Report, Trial, TrialState
from tests.support.commands import TOY, forked

pytestmark = [pytest.mark.tf, pytest.mark.slow]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder `runs` of a sweep of two trials that has ended; nobody changes it."""
    folder = tmp_path_factory.mktemp("ran")
    sets = ("tracking.enabled=false", "search.trials=2", "stopping.max_epochs=1")
    options = [word for value in sets for word in ("--set", value)]
    forked(folder, "run", str(TOY), "--inline", *options)
    return folder / "runs"


@pytest.fixture
def runs(ran: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, beside which the test is run."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    return Path(shutil.copytree(ran, tmp_path / "runs"))


def facts_of(folder: Path) -> dict[str, object]:
    facts = json.loads((folder / MANIFEST).read_text())
    assert isinstance(facts, dict)
    return facts


def changed(folder: Path, **change: object) -> None:
    """Write other facts, with which the bundle still counts as complete."""
    (folder / MANIFEST).write_text(json.dumps(facts_of(folder) | change))


def leader(runs: Path) -> int:
    """The number of the sweep's best trial, as its leaderboard has it."""
    return int(json.loads((runs / "sweeps/toy/leaderboard.json").read_text())[0]["trial"])


def test_a_bundle_is_its_own_winner(tmp_path: Path) -> None:
    from sweepkit.final.winner import bundle_of

    (tmp_path / MANIFEST).write_text("{}")
    assert bundle_of(tmp_path) == tmp_path


def test_the_leader_is_exported_with_its_figures_and_can_be_used(runs: Path) -> None:
    import sweepkit
    from sweepkit.final.winner import bundle_of
    from sweepkit.tasks.text.verification import check

    folder = bundle_of(TOY)
    assert folder == runs / "sweeps/toy/winner"
    model = sweepkit.load(folder)
    assert check(model, folder) == model.manifest.check
    assert (model.manifest.sweep, model.manifest.trial, model.manifest.epoch) == ("toy", leader(runs), 1)
    assert (
        model.manifest.seed
        == json.loads((trial_folder(runs) / "checkpoints/epoch-0001/state.json").read_text())["seed"]
    )
    assert model.predict(["sun and sand"])[0].label in ("rainy", "sunny")
    accuracy, loss = model.manifest.measured
    n_rows = accuracy.n
    interval = proportion_interval(round(accuracy.value * n_rows), n_rows)
    assert (accuracy.name, accuracy.low, accuracy.high) == ("validation accuracy", interval.low, interval.high)
    assert n_rows == 32
    assert (loss.name, loss.low, loss.n) == ("validation loss", None, None)


def trial_folder(runs: Path) -> Path:
    return runs / f"sweeps/toy/trials/{leader(runs):04d}"


def test_it_is_made_once_while_it_leads_and_again_when_another_does(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sweepkit.final import winner

    folder = winner.bundle_of(runs / "sweeps/toy")
    whole, exported = (folder / MANIFEST).read_text(), []
    monkeypatch.setattr(winner, "_export", lambda sweep, best, **_: exported.append(best.number))
    winner.bundle_of(TOY)
    assert exported == []
    for change in ({"trial": 99}, {"epoch": 7}, {"seed": 1}, {"format": 0}):
        changed(folder, **change)
        winner.bundle_of(TOY)
        (folder / MANIFEST).write_text(whole)
    (folder / MANIFEST).write_text("{")
    winner.bundle_of(TOY)
    assert exported == [leader(runs)] * 5


def test_what_the_final_stage_made_is_taken_as_it_is(runs: Path) -> None:
    from sweepkit.final.winner import bundle_of

    final, winner = runs / "sweeps/toy/final", runs / "sweeps/toy/winner"
    final.mkdir()
    found = FinalResult(
        "valid_accuracy", "max", 1, (CandidateResult("trial 1", False, 1, {}, (), (), 0.5, None, 0, None),), (), ()
    )
    (final / "result.json").write_text(json.dumps(found.to_json()))
    with pytest.raises(
        InputError, match=r"final stage's winner is gone; `python -m sweepkit final .*toy\.yaml` makes it"
    ):
        bundle_of(TOY)
    winner.mkdir()
    (winner / MANIFEST).write_text('{"trial": 99}')
    assert facts_of(bundle_of(TOY)) == {"trial": 99}


def test_a_sweep_that_has_not_run_says_how_to_start_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from sweepkit.final.winner import bundle_of

    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="has not been run yet"):
        bundle_of(TOY)


def test_other_folders_are_said_to_be_neither(tmp_path: Path) -> None:
    from sweepkit.final.winner import bundle_of

    with pytest.raises(InputError, match=r"neither a bundle, which has a bundle\.json, nor a sweep, which has"):
        bundle_of(tmp_path)
    with pytest.raises(InputError, match="no such file"):
        bundle_of(tmp_path / "missing")


def test_a_sweep_whose_yaml_is_elsewhere_asks_for_it(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from sweepkit.final.winner import bundle_of

    manifest = runs / "sweeps/toy/manifest.json"
    content = json.loads(manifest.read_text())
    manifest.write_text(json.dumps(content | {"source": "/nowhere/toy.yaml"}))
    with pytest.raises(
        InputError, match=r"package 'toy', which lies beside its YAML; /nowhere/toy.yaml is not on this"
    ):
        bundle_of(runs / "sweeps/toy")
    assert bundle_of(TOY) == runs / "sweeps/toy/winner"
    assert bundle_of(runs / "sweeps/toy") == runs / "sweeps/toy/winner"  # nothing is to be made any more


def test_prepared_data_that_is_gone_can_be_made_again(runs: Path) -> None:
    from sweepkit.final.winner import bundle_of

    shutil.rmtree(runs / "data")
    for target in (TOY, runs / "sweeps/toy"):
        with pytest.raises(InputError, match=r"the prepared data is gone; `python -m sweepkit prepare .*toy\.yaml`"):
            bundle_of(target)


def test_a_checkpoint_that_is_gone_is_named(runs: Path) -> None:
    from sweepkit.final.winner import bundle_of

    shutil.rmtree(trial_folder(runs) / "checkpoints")
    with pytest.raises(DataError, match="there is no checkpoint here"):
        bundle_of(TOY)
    assert not (runs / "sweeps/toy/winner").exists()


def test_of_a_bucket_a_copy_is_made_once_for_each_content(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sweepkit.final import winner
    from sweepkit.results.sweep import load_sweep

    winner.bundle_of(TOY)
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(winner.tempfile, "gettempdir", lambda: str(tmp_path / "temporary"))
    remote = Storage(pafs.SubTreeFileSystem(str(tmp_path), pafs.LocalFileSystem()), "runs")
    sweep = load_sweep(TOY)
    sweep = replace(sweep, folder=replace(sweep.folder, storage=remote))
    monkeypatch.setattr(winner, "load_sweep", lambda *_: sweep)
    copy = winner.bundle_of(TOY)
    assert copy.parent == tmp_path / "temporary/sweepkit-bundles"
    assert {path.name for path in copy.iterdir()} == {path.name for path in (runs / "sweeps/toy/winner").iterdir()}
    assert winner.bundle_of(TOY) == copy
    changed(runs / "sweeps/toy/winner", commit="another")
    assert winner.bundle_of(TOY) != copy


def test_only_accuracies_have_an_interval_and_times_are_left_out() -> None:
    from sweepkit.final.winner import measured

    metrics = {
        "train_accuracy": 1.0,
        "valid_top_accuracy": 0.9,
        "valid_auc": 0.8,
        "valid_seconds": 3.0,
        "n_weights": 5.0,
    }
    reports = (Report(1, {}, 0.0), Report(2, metrics, 0.0))
    trial = Trial(3, {}, reports, TrialState.COMPLETE, best_value=0.9, best_epoch=2)
    top, auc = measured(trial, n_rows=200)
    interval = proportion_interval(180, 200)
    assert (top.name, top.value, top.low, top.n) == ("validation top accuracy", 0.9, interval.low, 200)
    assert (auc.name, auc.value, auc.low, auc.n) == ("validation auc", 0.8, None, None)
