"""Sweeps and trials side by side, over real folders with made-up reports."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest

from sweepkit.config.definition import load
from sweepkit.errors import DataError, InputError
from sweepkit.results.compare import ComparedItem, caveats, differing, effort, open_items, pairs, parameters, settings
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


def sides(*targets: object) -> list[ComparedItem]:
    return open_items([str(target) for target in targets])


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


class TestOpenSides:
    def test_a_sweep_is_shown_with_its_best_trial_and_a_trial_as_itself(self, cells: Path) -> None:
        whole, one = sides(cells, f"{cells}#0")
        assert whole.trial is not None
        assert one.trial is not None
        assert (whole.label, whole.is_sweep, whole.trial.number) == ("cells", True, 1)
        assert (one.label, one.is_sweep, one.trial.number) == ("cells#0", False, 0)

    def test_a_sweep_may_be_named_by_its_yaml(self, cells: Path, yaml: Path, runs: Path) -> None:
        found = open_items([str(yaml), f"{yaml}#2"], [f"storage.uri={runs}"])
        assert [side.label for side in found] == ["cells", "cells#2"]

    def test_metrics_are_those_of_the_best_epoch(self, cells: Path) -> None:
        side, _ = sides(f"{cells}#0", cells)
        assert side.metrics["valid_accuracy"] == 0.7
        assert side.metrics["train_loss"] == pytest.approx(0.3)
        assert side.curve("valid_accuracy") == [0.6, 0.7, 0.65]
        assert side.curve("n_weights") == [None, None, None]

    def test_a_sweep_without_a_report_is_shown_all_the_same(self, yaml: Path, runs: Path, cells: Path) -> None:
        empty = write_sweep(yaml, runs, [], sets=["search.seed=4"], new=True)
        side, _ = sides(empty, cells)
        assert (side.trial, side.metrics, side.curve("valid_accuracy"), side.predictions) == (None, {}, [], None)
        assert parameters(side) == {}

    def test_a_trial_of_the_final_stage(self, cells: Path, yaml: Path, runs: Path) -> None:
        write_final(yaml, runs, is_right=RIGHT)
        side, whole = sides(f"{cells}/final#1", cells)
        assert (side.label, side.sweep.name) == ("cells/final#1", "cells/final")
        assert side.metrics["valid_accuracy"] == 0.75
        assert side.predictions == "sweeps/cells/final/trials/0001/predictions-valid.parquet"
        assert settings(side)["search.seed"] == 9
        assert whole.final is not None
        assert side.final is None

    def test_sweeps_of_one_name_are_called_what_was_typed(self, yaml: Path, tmp_path: Path) -> None:
        folders = [write_sweep(yaml, tmp_path / name, [[0.5]]) for name in ("here", "there")]
        assert [side.label for side in sides(*folders)] == [str(folder) for folder in folders]

    @pytest.mark.parametrize(
        ("target", "message"),
        [
            ("{cells}#7", "'cells' has no trial 7; its trials are 0 to 2"),
            ("{cells}#last", "must be named SWEEP#NUMBER"),
            ("{cells}#", "must be named SWEEP#NUMBER"),
            ("{cells}/../nothing#1", "there is no such file"),
            ("{cells}/..", "this folder is not a sweep"),
            ("{cells}/final#1", "there is no such file"),
            ("{cells}/", "must not be the same"),
        ],
    )
    def test_what_is_not_there_is_said(self, cells: Path, target: str, message: str) -> None:
        with pytest.raises(InputError, match=message):
            sides(cells, target.format(cells=cells))

    def test_a_final_stage_that_has_not_begun(self, cells: Path) -> None:
        (cells / "final").mkdir()
        with pytest.raises(InputError, match="the final stage of 'cells' has not begun"):
            sides(cells, cells / "final")

    def test_a_folder_may_have_a_hash_in_its_name(self, yaml: Path, tmp_path: Path) -> None:
        folder = write_sweep(yaml, tmp_path / "runs#1", CURVES)
        assert [side.label for side in sides(folder, f"{folder}#2")] == ["cells", "cells#2"]


class TestDiffering:
    def test_only_settings_that_differ_are_named(self, cells: Path, yaml: Path, runs: Path) -> None:
        sets = ["stopping.patience=2", "space.units={from: 8, to: 16}", "data.vocab_size=50", "final={top: 2}"]
        other = write_sweep(yaml, runs, CURVES, sets=sets, data_key="key2", new=True)
        found = differing(sides(cells, other), settings)
        assert found == {
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
        assert list(differing(sides(cells, other), settings)) == ["space.cell"]

    def test_where_the_data_came_from_and_the_code_count(self, cells: Path, yaml: Path, runs: Path) -> None:
        other = write_sweep(yaml, runs, [], sets=["data.source=sample"], data_key="key2", new=True)
        side = sides(cells, other)[0]
        assert {"commit", "host", "versions.python"} <= set(settings(side))
        assert differing(sides(cells, other), settings)["data.source"] == [None, "sample"]

    def test_trials_of_one_sweep_differ_in_parameters_only(self, cells: Path) -> None:
        found = sides(f"{cells}#0", f"{cells}#1", f"{cells}#2")
        assert differing(found, settings) == {}
        assert differing(found, parameters) == {"cell": ["gru", "gru", "none"], "units": [8, 16, None]}


class TestEffort:
    def test_it_adds_up_all_trials(self, cells: Path) -> None:
        found = effort(sides(cells, f"{cells}#0")[0].sweep)
        assert found.epochs == 7
        assert found.epochs_s == pytest.approx(14.0)
        assert found.wall_s is not None
        assert 0 <= found.wall_s < 60

    def test_a_sweep_that_has_not_begun_took_nothing(self, yaml: Path, runs: Path, cells: Path) -> None:
        empty = write_sweep(yaml, runs, [], sets=["search.seed=4"], new=True)
        found = effort(sides(empty, cells)[0].sweep)
        assert (found.epochs, found.wall_s, found.epochs_s) == (0, None, None)


class TestCaveats:
    def test_the_same_objective_and_data_have_none(self, cells: Path) -> None:
        assert caveats(sides(cells, f"{cells}#0")) == []

    def test_another_objective_or_other_data_are_named(self, cells: Path, yaml: Path, runs: Path) -> None:
        sets = ["objective={metric: train_loss, mode: min}"]
        other = write_sweep(yaml, runs, CURVES, sets=sets, data_key="key2", new=True)
        assert caveats(sides(cells, other)) == [
            "best values are not comparable, because the objectives differ "
            "(cells: valid_accuracy, max; cells-2: train_loss, min)",
            "metrics are not comparable, because the prepared data differs (cells: key1; cells-2: key2)",
        ]


class TestPairs:
    def test_stored_predictions_are_compared_row_by_row(self, cells: Path, runs: Path) -> None:
        storage = Storage.at(str(runs))
        write_predictions(storage, SweepPaths("cells").trial(0).predictions("valid"), RIGHT)
        write_predictions(storage, SweepPaths("cells").trial(1).predictions("valid"), WRONG_LATER)
        (pair,) = pairs(sides(f"{cells}#0", f"{cells}#1"))
        assert (pair.first, pair.second, pair.why_not) == ("cells#0", "cells#1", None)
        assert pair.comparison is not None
        assert (pair.comparison.only_winner, pair.comparison.only_other, pair.comparison.rows) == (20, 0, 100)
        assert pair.comparison.difference == pytest.approx(0.2)
        assert pair.comparison.verdict == CLEAR

    def test_a_sweep_is_represented_by_the_winner_of_its_final_stage(self, cells: Path, yaml: Path, runs: Path) -> None:
        write_final(yaml, runs, is_right=RIGHT)
        write_predictions(Storage.at(str(runs)), SweepPaths("cells").trial(2).predictions("valid"), WRONG_LATER)
        (pair,) = pairs(sides(cells, f"{cells}#2"))
        assert pair.first == "cells (trial 1 in its final stage)"
        assert pair.comparison is not None
        assert pair.comparison.only_winner == 20

    def test_every_other_side_is_compared_with_the_first(self, cells: Path, runs: Path) -> None:
        found = pairs(sides(cells, f"{cells}#0", f"{cells}#2"))
        assert [(pair.first, pair.second) for pair in found] == [
            ("cells (trial 1)", "cells#0"),
            ("cells (trial 1)", "cells#2"),
        ]

    def test_without_predictions_it_says_whose_are_missing(self, cells: Path, runs: Path) -> None:
        write_predictions(Storage.at(str(runs)), SweepPaths("cells").trial(0).predictions("valid"), RIGHT)
        (pair,) = pairs(sides(f"{cells}#0", f"{cells}#1"))
        assert pair.comparison is None
        assert pair.why_not is not None
        assert pair.why_not.startswith("no predictions of cells#1 are stored; `final` stores")

    def test_other_data_is_other_rows(self, cells: Path, yaml: Path, runs: Path) -> None:
        other = write_sweep(yaml, runs, CURVES, data_key="key2", new=True)
        (pair,) = pairs(sides(cells, other))
        assert pair.why_not == "their prepared data differs"

    def test_predictions_of_other_rows_are_not_compared(self, cells: Path, runs: Path) -> None:
        for number, right in enumerate([RIGHT, RIGHT[1:]]):
            write_predictions(Storage.at(str(runs)), SweepPaths("cells").trial(number).predictions("valid"), right)
        (pair,) = pairs(sides(f"{cells}#0", f"{cells}#1"))
        assert pair.why_not == "their stored predictions are of different rows"

    def test_damaged_predictions_are_named(self, cells: Path, runs: Path) -> None:
        for number in (0, 1):
            Storage.at(str(runs)).write(SweepPaths("cells").trial(number).predictions("valid"), b"nonsense")
        with pytest.raises(DataError, match="predictions can't be read"):
            pairs(sides(f"{cells}#0", f"{cells}#1"))


def test_a_value_that_is_not_finite_is_kept_as_reported(yaml: Path, runs: Path, cells: Path) -> None:
    odd = write_sweep(yaml, runs, [[0.5, math.nan]], new=True)
    side, _ = sides(f"{odd}#0", cells)
    last = side.curve("valid_accuracy")[-1]
    assert last is not None
    assert math.isnan(last)
