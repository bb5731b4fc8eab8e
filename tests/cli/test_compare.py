"""`sweepkit compare` over real folders with made-up reports."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import pytest

from sweepkit.cli import app
from sweepkit.cli.compare import sparkline
from sweepkit.results.final_result import CandidateResult, FinalResult, HeldOutEvaluation, Interval
from sweepkit.storage.layout import SweepPaths
from sweepkit.storage.storage import Storage
from tests.support.small_sweeps import POINT, YAML, write_predictions, write_sweep

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run `compare` in this process; returns the exit code, stdout with single spaces, and stderr."""

    def call(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as leaving:
            app.main(["compare", *(str(argument) for argument in arguments)])
        out, err = capsys.readouterr()
        assert isinstance(leaving.value.code, int)
        return leaving.value.code, out, err

    return call


def lines(out: str) -> list[str]:
    """Return the lines of the output without the frames of tables."""
    return [" ".join(line.replace("│", " ").split()) for line in out.splitlines()]


@pytest.fixture
def yaml(sweep_file: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)  # so that paths are shown short
    return sweep_file(YAML)


@pytest.fixture
def cells(yaml: Path, tmp_path: Path) -> Path:
    param_sets = [POINT, {**POINT, "units": 16}]
    return write_sweep(yaml, tmp_path / "runs", [[0.6, 0.72, 0.65], [0.5, 0.9]], param_sets=param_sets)


class TestSparkline:
    def test_bars_go_from_the_lowest_to_the_highest(self) -> None:
        assert sparkline([0, 1, 2, 3, 4, 5, 6, 7], [0, 7]) == "▁▂▃▄▅▆▇█"

    def test_a_common_scale_makes_curves_comparable(self) -> None:
        assert (sparkline([0.0, 0.5], [0.0, 1.0]), sparkline([0.5, 1.0], [0.0, 1.0])) == ("▁▅", "▅█")

    def test_gaps_are_dots(self) -> None:
        assert sparkline([None, math.nan, math.inf, 1.0], [0.0, 1.0]) == "···█"

    def test_a_flat_curve_and_an_empty_one(self) -> None:
        assert sparkline([0.5, 0.5], [0.5, 0.5]) == "▁▁"
        assert sparkline([], []) == ""


def test_trials_side_by_side(run: Run, cells: Path) -> None:
    code, out, err = run(f"{cells}#0", f"{cells}#1")
    assert (code, err) == (0, "")
    shown = lines(out)
    assert "cells#0" in shown[1]
    assert "settings: the same" in shown
    assert shown[shown.index("parameters that differ:") + 4] == "units 8 16"
    assert "valid_accuracy 0.7200 ▃▅▄ 0.9000 ▁█" in shown
    assert "train_loss 0.2800 ▆▄▅ 0.1000 █▁" in shown
    assert "train_seconds 1.5000 1.5000" in shown, "what never changes needs no curve"
    by_epoch = shown[shown.index("valid_accuracy by epoch (* the best):") :]
    assert [line for line in by_epoch if line[:1].isdigit()] == ["1 0.6000 0.5000", "2 0.7200 * 0.9000 *", "3 0.6500 -"]
    assert any("cells#0 against cells#1: not compared, no predictions of" in line for line in shown)
    assert "comparable" not in out


def test_sweeps_side_by_side(run: Run, cells: Path, yaml: Path, tmp_path: Path) -> None:
    sets = ["space.units=[8, 16]", "stopping.patience=2", "space.wide=false"]
    write_sweep(yaml, tmp_path / "runs", [[0.95]], sets=sets, data_key="key2", new=True)
    code, out, _ = run(cells, tmp_path / "runs/sweeps/cells-2")
    shown = lines(out)
    assert code == 0
    assert "trials 2 complete of 20 1 complete of 20" in shown
    assert "epochs 5 1" in shown
    assert "all epochs together 10 s 2 s" in shown
    assert "best 0.9000 after epoch 2 of 2 0.9500 after epoch 1 of 1" in shown
    assert "stopping.patience - 2" in shown
    assert "space.units 8 to 64, step 8 8, 16" in shown
    assert "space.wide false, true false" in shown
    assert "data.key key1 key2" in shown
    assert "metrics are not comparable, because the prepared data differs (cells: key1; cells-2: key2)" in shown
    assert "cells (trial 1) against cells-2 (trial 0): not compared, their prepared data differs" in shown


def test_final_results_are_shown(run: Run, cells: Path, tmp_path: Path) -> None:
    winner = CandidateResult("trial 1", False, 1, POINT, (0, 1), (0.8, 0.81), 0.805, Interval(0.79, 0.82), 1, None)
    look = HeldOutEvaluation(1, "2026-01-01T00:00:00", "trial 1", 1, 25_000, 0.7985, Interval(0.7935, 0.8034), 0.5)
    result = FinalResult("valid_accuracy", "max", 2, (winner,), (), (look,))
    Storage.at(str(tmp_path / "runs")).write_json(SweepPaths("cells").final_result, result.to_json())
    shown = lines(run(cells, f"{cells}#0")[1])
    assert "final stage trial 1: 0.8050 (0.7900 to 0.8200), 2 seeds -" in shown
    assert "on the test split accuracy 0.7985 (0.7935 to 0.8034), 25,000 rows -" in shown


def test_predictions_are_compared_row_by_row(run: Run, cells: Path, tmp_path: Path) -> None:
    for number, n_right in enumerate([90, 70]):
        is_right = [True] * n_right + [False] * (100 - n_right)
        name = SweepPaths("cells").trial(number).predictions("valid")
        write_predictions(Storage.at(str(tmp_path / "runs")), name, is_right)
    shown = lines(run(f"{cells}#0", f"{cells}#1")[1])
    start = "cells#0 against cells#1: accuracy +0.2000 (+0.1"
    tests = [line for line in shown if line.startswith(start)]
    assert len(tests) == 1
    assert tests[0].endswith(
        "on 100 rows, right where the other is wrong 20, the reverse 0, McNemar p 1.9e-06: "
        "the difference is larger than noise"
    )


def test_a_sweep_that_has_reported_nothing_is_shown(run: Run, cells: Path, yaml: Path, tmp_path: Path) -> None:
    write_sweep(yaml, tmp_path / "runs", [], sets=["search.seed=4"], new=True)
    code, out, _ = run(cells, tmp_path / "runs/sweeps/cells-2")
    assert code == 0
    assert "no trial has reported" in out
    assert "trials 2 complete of 20 none of 20" in lines(out)


def test_of_many_epochs_some_are_shown_and_the_best_among_them(run: Run, yaml: Path, tmp_path: Path) -> None:
    curve = [0.5 + epoch / 1000 for epoch in range(100)]
    curve[36] = 0.9
    folder = write_sweep(yaml, tmp_path / "runs", [curve, [0.5]], sets=["stopping.max_epochs=100"])
    shown = lines(run(f"{folder}#0", f"{folder}#1")[1])
    by_epoch = shown[shown.index("valid_accuracy by epoch (* the best):") :]
    epochs = [int(line.split()[0]) for line in by_epoch if line[:1].isdigit()]
    assert epochs[:3] == [1, 5, 10]
    assert 37 in epochs
    assert epochs[-1] == 100
    assert len(epochs) == 22


def test_one_json_object(run: Run, cells: Path) -> None:
    code, out, err = run(cells, f"{cells}#0", "--json")
    facts = json.loads(out)
    assert (code, err) == (0, "")
    assert [side["name"] for side in facts["sides"]] == ["cells", "cells#0"]
    assert facts["sides"][0]["counts"] == {"complete": 2, "pruned": 0, "failed": 0, "unfinished": 0}
    assert facts["sides"][0]["epochs"] == 5
    assert "counts" not in facts["sides"][1]
    assert facts["sides"][1]["trial"]["metrics"]["valid_accuracy"] == 0.72
    assert [epoch["valid_accuracy"] for epoch in facts["sides"][1]["trial"]["epochs"]] == [0.6, 0.72, 0.65]
    assert facts["parameters_that_differ"] == {"units": [16, 8]}
    assert facts["settings_that_differ"] == {}
    assert facts["not_comparable"] == []
    assert facts["pairs"][0]["comparison"] is None


def test_json_has_no_nan(run: Run, cells: Path, yaml: Path, tmp_path: Path) -> None:
    odd = write_sweep(yaml, tmp_path / "runs", [[0.5, math.nan]], new=True)
    facts = json.loads(run(odd, cells, "--json")[1], parse_constant=lambda name: pytest.fail(f"{name} in JSON"))
    assert facts["sides"][0]["trial"]["epochs"][1]["valid_accuracy"] is None
    assert "·" in run(odd, cells)[1]


def test_one_alone_is_refused_with_an_example(run: Run, cells: Path) -> None:
    code, out, err = run(cells)
    assert (code, out) == (2, "")
    assert f"needs two or more, like: compare {cells} OTHER, or compare SWEEP#3 SWEEP#12" in err


@pytest.mark.parametrize(
    ("target", "message"),
    [("#x", "a trial must be named SWEEP#NUMBER"), ("#7", "has no trial 7"), ("-none", "there is no such file")],
)
def test_wrong_names_are_reported_without_a_traceback(run: Run, cells: Path, target: str, message: str) -> None:
    code, out, err = run(cells, f"{cells}{target}")
    assert (code, out) == (2, "")
    assert message in err
    assert "Traceback" not in err
