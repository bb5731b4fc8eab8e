"""`sweepkit report`: its files, its output, and wrong input."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from sweepkit.cli import app
from tests.support.made_up_sweeps import trials, write_sweep

pytestmark = pytest.mark.slow  # all of them together

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sweep(tmp_path_factory.mktemp("runs"), trials(6))


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run `report` in a folder of its own; returns the exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as leaving:
            app.main(["report", *(str(argument) for argument in arguments)])
        out, err = capsys.readouterr()
        assert isinstance(leaving.value.code, int)
        return leaving.value.code, out, err

    return call


def test_without_options_a_page_is_written_where_the_command_runs(run: Run, sweep: Path, tmp_path: Path) -> None:
    assert run(sweep) == (0, "wrote made_up-report.html\n", "")
    assert [path.name for path in tmp_path.iterdir()] == ["made_up-report.html"]
    assert "Sweep made_up" in (tmp_path / "made_up-report.html").read_text(encoding="utf-8")


def test_only_what_was_asked_for_is_written(run: Run, sweep: Path, tmp_path: Path) -> None:
    code, out, err = run(sweep, "--png", "new/board.png", "--parquet", "tables")
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "wrote new/board.png",
        "wrote tables/trials.parquet",
        "wrote tables/epochs.parquet",
    ]
    assert sorted(path.name for path in tmp_path.rglob("*.*")) == ["board.png", "epochs.parquet", "trials.parquet"]
    assert pq.read_table(tmp_path / "tables" / "trials.parquet").num_rows == 6


def test_json_has_the_paths_and_the_headline(run: Run, sweep: Path, tmp_path: Path) -> None:
    code, out, _ = run(sweep, "--json", "--parquet", "tables")
    facts = json.loads(out)
    assert code == 0
    assert facts["written"] == {
        "trials": str(tmp_path / "tables" / "trials.parquet"),
        "epochs": str(tmp_path / "tables" / "epochs.parquet"),
    }
    assert (facts["sweep"], facts["trials"], facts["final_winner"]) == ("made_up", 6, None)
    assert facts["best_trial"] == max(trials(6), key=lambda trial: trial.best_value or 0).number


def test_a_page_is_replaced(run: Run, sweep: Path, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("old")
    assert run(sweep, "--html", "page.html")[0] == 0
    assert (tmp_path / "page.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_a_sweep_without_trials_is_reported_all_the_same(run: Run, tmp_path: Path) -> None:
    folder = write_sweep(tmp_path, [])
    assert run(folder, "--html", "page.html", "--parquet", "tables")[0] == 0
    assert "No trial has started." in (tmp_path / "page.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["nowhere.yaml"], "nowhere.yaml"),
        (["."], "this folder is not a sweep"),
        (["SWEEP", "--html", "file/page.html"], "a file has this name"),
        (["SWEEP", "--parquet", "file"], "is a file"),
        (["SWEEP", "--parquet", "file/deep"], "cannot be created: not a directory"),
        (["SWEEP", "--png", "."], "is a directory"),
        ([], "Missing argument 'SWEEP'"),
    ],
    ids=[
        "no such file",
        "no sweep",
        "unwritable",
        "a file for a folder",
        "below a file",
        "a folder for a file",
        "nothing",
    ],
)
def test_wrong_input_is_reported_with_exit_code_two(
    run: Run, sweep: Path, tmp_path: Path, arguments: list[str], expected: str
) -> None:
    (tmp_path / "file").write_text("in the way")
    code, out, err = run(*(sweep if argument == "SWEEP" else argument for argument in arguments))
    assert (code, out) == (2, "")
    assert expected in err
    assert "Traceback" not in err
