"""Sweeps and trials item by item, over real folders with made-up reports."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest

from sweepkit.config.definition import load
from sweepkit.errors import DataError, InputError
from sweepkit.results.compare import ComparedItem, SweepComparison, compare
from sweepkit.results.final_result import CLEAR, CandidateResult, FinalResult
from sweepkit.storage.layout import SweepPaths
from sweepkit.storage.storage import Storage
from sweepkit.study.study import SweepStudy
from tests.support.small_sweeps import POINT, YAML, write_predictions, write_sweep, write_trials

CURVES = [[0.6, 0.7, 0.65], [0.5, 0.8, 0.9], [0.4]]
RIGHT = [True] * 90 + [False] * 10
WRONG_LATER = [True] * 70 + [False] * 30


@pytest.fixture
def yaml(sweep_file: Callable[..., Path]) -> Path:
    return sweep_file(YAML)


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    return tmp_path / "runs"


@pytest.fixture
def cells(yaml: Path, runs: Path) -> Path:
    """The folder of a sweep of three trials, the second of which is the best."""
    param_sets = [POINT, {**POINT, "units": 16}, {"cell": "none", "dropout": 0.1, "rate": 0.01, "wide": False}]
    return write_sweep(yaml, runs, CURVES, param_sets=param_sets)


def compared(*targets: str | Path) -> SweepComparison:
    return compare(targets)


def items(*targets: str | Path) -> list[ComparedItem]:
    return compared(*targets).items


def write_final(yaml: Path, runs: Path, *, is_right: list[bool]) -> None:
    """End the final stage of the sweep: one candidate, run twice, with predictions of the second run."""
    storage, paths = Storage.at(str(runs)), SweepPaths("cells")
    own = load(yaml, ["search.seed=9"])
    settings = own.config.model_dump(mode="json") | {"sweep": "cells/final"}
    storage.write_json(paths.final.manifest, {"format": 1, "spec": settings})
    study = SweepStudy.open(storage.path(paths.final.journal), own.config, own.space)
    study.queue([POINT, POINT])
    write_trials(study, [[0.7], [0.75]])
    name = paths.final.trial(1).predictions("valid")
    write_predictions(storage, name, is_right)
    winner = CandidateResult("trial 1", False, 1, POINT, (0, 1), (0.7, 0.75), 0.725, None, 1, name)
    storage.write_json(paths.final_result, FinalResult("valid_accuracy", "max", 2, (winner,), (), ()).to_json())


class TestItems:
    def test_a_sweep_is_shown_with_its_best_trial_and_a_trial_as_itself(self, cells: Path) -> None:
        whole, one = items(cells, f"{cells}#0")
        assert whole.trial is not None
        assert one.trial is not None
        assert (whole.label, whole.is_sweep, whole.trial.number) == ("cells", True, 1)
        assert (one.label, one.is_sweep, one.trial.number) == ("cells#0", False, 0)

    def test_a_sweep_may_be_named_by_its_yaml(self, cells: Path, yaml: Path, runs: Path) -> None:
        both = compare([yaml, f"{yaml}#2"], [f"storage.uri={runs}"])
        assert [item.label for item in both.items] == ["cells", "cells#2"]

    def test_metrics_are_those_of_the_best_epoch(self, cells: Path) -> None:
        item, _ = items(f"{cells}#0", cells)
        assert item.metrics["valid_accuracy"] == 0.7
        assert item.metrics["train_loss"] == pytest.approx(0.3)
        assert item.curve("valid_accuracy") == [0.6, 0.7, 0.65]
        assert item.curve("n_weights") == [None, None, None]

    def test_a_sweep_without_a_report_is_shown_all_the_same(self, yaml: Path, runs: Path, cells: Path) -> None:
        empty = write_sweep(yaml, runs, [], sets=["search.seed=4"], new=True)
        item, _ = items(empty, cells)
        assert (item.trial, item.metrics, item.curve("valid_accuracy"), item.predictions) == (None, {}, [], None)
        assert item.params == {}

    def test_a_trial_of_the_final_stage(self, cells: Path, yaml: Path, runs: Path) -> None:
        write_final(yaml, runs, is_right=RIGHT)
        item, whole = items(f"{cells}/final#1", cells)
        assert (item.label, item.sweep.name) == ("cells/final#1", "cells/final")
        assert item.metrics["valid_accuracy"] == 0.75
        assert item.predictions == "sweeps/cells/final/trials/0001/predictions-valid.parquet"
        assert item.settings()["search.seed"] == 9
        assert whole.final is not None
        assert item.final is None

    def test_sweeps_of_one_name_are_called_what_was_typed(self, yaml: Path, tmp_path: Path) -> None:
        folders = [write_sweep(yaml, tmp_path / name, [[0.5]]) for name in ("here", "there")]
        assert [item.label for item in items(*folders)] == [str(folder) for folder in folders]

    @pytest.mark.parametrize(
        ("target", "message"),
        [
            ("{cells}#7", "'cells' has no trial 7; its trials are 0 to 2"),
            ("{cells}#last", "must be named SWEEP#NUMBER"),
            ("{cells}#", "must be named SWEEP#NUMBER"),
            ("{cells}/../nothing#1", "there is no such file"),
            ("{cells}/..", "this folder is not a sweep"),
            ("{cells}/final#1", "there is no such file"),
            ("{cells}/", "must be different"),
        ],
    )
    def test_what_is_not_there_is_said(self, cells: Path, target: str, message: str) -> None:
        with pytest.raises(InputError, match=message):
            items(cells, target.format(cells=cells))

    def test_a_final_stage_that_has_not_begun(self, cells: Path) -> None:
        (cells / "final").mkdir()
        with pytest.raises(InputError, match="the final stage of 'cells' has not begun"):
            items(cells, cells / "final")

    def test_a_folder_may_have_a_hash_in_its_name(self, yaml: Path, tmp_path: Path) -> None:
        folder = write_sweep(yaml, tmp_path / "runs#1", CURVES)
        assert [item.label for item in items(folder, f"{folder}#2")] == ["cells", "cells#2"]


class TestDiffering:
    def test_only_settings_that_differ_are_named(self, cells: Path, yaml: Path, runs: Path) -> None:
        sets = ["stopping.patience=2", "space.units={from: 8, to: 16}", "data.vocab_size=50", "final={top: 2}"]
        other = write_sweep(yaml, runs, CURVES, sets=sets, data_key="key2", new=True)
        assert compared(cells, other).settings() == {
            "stopping.patience": [None, 2],
            "final.top": [None, 2],
            "final.seeds": [None, 3],
            "data.vocab_size": [100, 50],
            "data.key": ["key1", "key2"],
            "space.units": [
                {"kind": "int", "low": 8, "high": 64, "step": 8, "log": False},
                {"kind": "int", "low": 8, "high": 16, "step": 8, "log": False},
            ],
        }

    def test_a_narrower_parent_is_one_difference_and_not_one_for_each_condition(
        self, cells: Path, yaml: Path, runs: Path
    ) -> None:
        other = write_sweep(yaml, runs, [], sets=["space.cell=[gru, none]"], new=True)
        assert list(compared(cells, other).settings()) == ["space.cell"]

    def test_where_the_data_came_from_and_the_code_count(self, cells: Path, yaml: Path, runs: Path) -> None:
        other = write_sweep(yaml, runs, [], sets=["data.source=sample"], data_key="key2", new=True)
        both = compared(cells, other)
        assert {"commit", "host", "versions.python"} <= set(both.items[0].settings())
        assert both.settings()["data.source"] == [None, "sample"]

    def test_trials_of_one_sweep_differ_in_parameters_only(self, cells: Path) -> None:
        trials = compared(f"{cells}#0", f"{cells}#1", f"{cells}#2")
        assert trials.settings() == {}
        assert trials.params() == {"cell": ["gru", "gru", "none"], "units": [8, 16, None]}


class TestEffort:
    def test_it_adds_up_all_trials(self, cells: Path) -> None:
        effort = items(cells, f"{cells}#0")[0].effort()
        assert effort.epochs == 7
        assert effort.epochs_s == pytest.approx(14.0)
        assert effort.wall_s is not None
        assert 0 <= effort.wall_s < 60

    def test_a_sweep_that_has_not_begun_took_nothing(self, yaml: Path, runs: Path, cells: Path) -> None:
        empty = write_sweep(yaml, runs, [], sets=["search.seed=4"], new=True)
        effort = items(empty, cells)[0].effort()
        assert (effort.epochs, effort.wall_s, effort.epochs_s) == (0, None, None)


class TestCaveats:
    def test_the_same_objective_and_data_have_none(self, cells: Path) -> None:
        assert compared(cells, f"{cells}#0").caveats() == []

    def test_another_objective_or_other_data_are_named(self, cells: Path, yaml: Path, runs: Path) -> None:
        sets = ["objective={metric: train_loss, mode: min}"]
        other = write_sweep(yaml, runs, CURVES, sets=sets, data_key="key2", new=True)
        assert compared(cells, other).caveats() == [
            "best values are not comparable, because the objectives differ "
            "(cells: valid_accuracy, max; cells-2: train_loss, min)",
            "metrics are not comparable, because the prepared data differs (cells: key1; cells-2: key2)",
        ]


class TestPairs:
    def test_stored_predictions_are_compared_row_by_row(self, cells: Path, runs: Path) -> None:
        storage = Storage.at(str(runs))
        write_predictions(storage, SweepPaths("cells").trial(0).predictions("valid"), RIGHT)
        write_predictions(storage, SweepPaths("cells").trial(1).predictions("valid"), WRONG_LATER)
        (pair,) = compared(f"{cells}#0", f"{cells}#1").paired_tests()
        assert (pair.first, pair.second, pair.why_not) == ("cells#0", "cells#1", None)
        assert pair.comparison is not None
        assert (pair.comparison.only_winner, pair.comparison.only_other, pair.comparison.rows) == (20, 0, 100)
        assert pair.comparison.difference == pytest.approx(0.2)
        assert pair.comparison.verdict == CLEAR

    def test_a_sweep_is_represented_by_the_winner_of_its_final_stage(self, cells: Path, yaml: Path, runs: Path) -> None:
        write_final(yaml, runs, is_right=RIGHT)
        write_predictions(Storage.at(str(runs)), SweepPaths("cells").trial(2).predictions("valid"), WRONG_LATER)
        (pair,) = compared(cells, f"{cells}#2").paired_tests()
        assert pair.first == "cells (trial 1 in its final stage)"
        assert pair.comparison is not None
        assert pair.comparison.only_winner == 20

    def test_every_other_item_is_compared_with_the_first(self, cells: Path, runs: Path) -> None:
        pairs = compared(cells, f"{cells}#0", f"{cells}#2").paired_tests()
        assert [(pair.first, pair.second) for pair in pairs] == [
            ("cells (trial 1)", "cells#0"),
            ("cells (trial 1)", "cells#2"),
        ]

    def test_without_predictions_it_says_whose_are_missing(self, cells: Path, runs: Path) -> None:
        write_predictions(Storage.at(str(runs)), SweepPaths("cells").trial(0).predictions("valid"), RIGHT)
        (pair,) = compared(f"{cells}#0", f"{cells}#1").paired_tests()
        assert pair.comparison is None
        assert pair.why_not is not None
        assert pair.why_not.startswith("no predictions of cells#1 are stored; `final` stores")

    def test_other_data_is_other_rows(self, cells: Path, yaml: Path, runs: Path) -> None:
        other = write_sweep(yaml, runs, CURVES, data_key="key2", new=True)
        (pair,) = compared(cells, other).paired_tests()
        assert pair.why_not == "their prepared data differs"

    def test_predictions_of_other_rows_are_not_compared(self, cells: Path, runs: Path) -> None:
        for number, right in enumerate([RIGHT, RIGHT[1:]]):
            write_predictions(Storage.at(str(runs)), SweepPaths("cells").trial(number).predictions("valid"), right)
        (pair,) = compared(f"{cells}#0", f"{cells}#1").paired_tests()
        assert pair.why_not == "their stored predictions are of different rows"

    def test_damaged_predictions_are_named(self, cells: Path, runs: Path) -> None:
        for number in (0, 1):
            Storage.at(str(runs)).write(SweepPaths("cells").trial(number).predictions("valid"), b"nonsense")
        with pytest.raises(DataError, match="predictions can't be read"):
            compared(f"{cells}#0", f"{cells}#1").paired_tests()


def test_a_value_that_is_not_finite_is_kept_as_reported(yaml: Path, runs: Path, cells: Path) -> None:
    odd = write_sweep(yaml, runs, [[0.5, math.nan]], new=True)
    item, _ = items(f"{odd}#0", cells)
    last = item.curve("valid_accuracy")[-1]
    assert last is not None
    assert math.isnan(last)
