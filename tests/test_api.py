"""The Python API: what it offers, how light importing it is, and sweeps run and read back as in a notebook."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pandas as pd
import pytest

import sweepkit
from tests.support.commands import ROOT, TOY
from tests.support.small_sweeps import YAML, write_sweep
from tests.support.waiting import wait_until

SETS = (
    "search={sampler: random, trials: 2}",
    "stopping.max_epochs=2",
    "space.fault=['']",
    "tracking.enabled=false",
)


class TestNames:
    def test_the_documented_names_are_all_there(self) -> None:
        assert sorted(sweepkit.__all__) == [
            *("Choice", "Float", "Int", "Report", "Space", "Sweep", "Trial", "TrialState", "__version__", "compare"),
            *("errors", "load", "load_model", "load_sweep", "pull", "run_sweep", "write_report"),
        ]
        for name in sweepkit.__all__:
            assert getattr(sweepkit, name) is not None
        assert sweepkit.load is sweepkit.load_model
        assert issubclass(sweepkit.errors.InputError, sweepkit.errors.SweepError)

    def test_another_name_is_an_attribute_error(self) -> None:
        with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
            sweepkit.nonsense  # noqa: B018

    def test_importing_it_imports_nothing_that_is_not_in_the_standard_library(self) -> None:
        program = (
            "import sys; before = {name.partition('.')[0] for name in sys.modules}; import sweepkit; "
            "print({name.partition('.')[0] for name in sys.modules} - before - set(sys.stdlib_module_names))"
        )
        done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
        assert done.stdout.strip() == "{'sweepkit'}"


class TestReading:
    @pytest.fixture
    def folder(self, sweep_file: object, tmp_path: Path) -> Path:
        return write_sweep(sweep_file(YAML), tmp_path / "runs", [[0.5, 0.7], [0.6]], sets=["search.trials=2"])  # type: ignore[operator]

    def test_trials_are_a_data_frame_with_their_params(self, folder: Path) -> None:
        sweep = sweepkit.load_sweep(folder)
        frame = sweep.trials_dataframe()
        assert isinstance(frame, pd.DataFrame)
        assert frame["number"].tolist() == [0, 1]
        assert frame["state"].tolist() == ["complete", "complete"]
        assert frame["best_value"].tolist() == [0.7, 0.6]
        assert frame["params.cell"].tolist() == ["gru", "gru"]

    def test_epochs_are_one_row_each_with_every_metric(self, folder: Path) -> None:
        frame = sweepkit.load_sweep(str(folder)).epochs_dataframe()
        assert frame[["number", "epoch"]].to_numpy().tolist() == [[0, 1], [0, 2], [1, 1]]
        assert frame["valid_accuracy"].tolist() == [0.5, 0.7, 0.6]

    def test_the_best_trial_and_where_its_checkpoint_is(self, folder: Path) -> None:
        sweep = sweepkit.load_sweep(folder)
        assert sweep.best_trial.number == 0
        assert sweep.checkpoint(sweep.best_trial).endswith("runs/sweeps/cells/trials/0000/checkpoints/epoch-0002")
        assert sweep.final is None
        assert sweep.usage.epochs == 3

    def test_trials_are_compared_in_a_data_frame(self, folder: Path) -> None:
        frame = sweepkit.compare([f"{folder}#0", f"{folder}#1"]).dataframe()
        assert list(frame.columns) == ["cells#0", "cells#1"]
        assert frame.loc["valid_accuracy"].tolist() == [0.7, 0.6]

    @pytest.mark.slow
    @pytest.mark.parametrize(("name", "start"), [("r.html", b"<!doctype html>"), ("r.png", b"\x89PNG")])
    def test_a_report_is_written_whole(self, folder: Path, tmp_path: Path, name: str, start: bytes) -> None:
        place = sweepkit.write_report(sweepkit.load_sweep(folder), tmp_path / name)
        assert place.read_bytes()[: len(start)].lower() == start.lower()

    def test_a_report_of_another_kind_is_refused(self, folder: Path, tmp_path: Path) -> None:
        with pytest.raises(sweepkit.errors.InputError, match=r"must be a \.html or \.png file"):
            sweepkit.write_report(sweepkit.load_sweep(folder), tmp_path / "r.pdf")

    def test_a_sweep_that_is_not_there_is_an_input_error(self, tmp_path: Path) -> None:
        with pytest.raises(sweepkit.errors.InputError, match="this folder is not a sweep"):
            sweepkit.load_sweep(tmp_path)


@pytest.mark.tf
@pytest.mark.slow
class TestRunning:
    def test_in_a_running_event_loop_a_sweep_runs_and_goes_on(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.chdir(tmp_path)

        async def cell(n_trials: int) -> sweepkit.Sweep:
            return sweepkit.run_sweep(TOY, sets=[*SETS, f"search.trials={n_trials}"], inline=True)

        first = asyncio.run(cell(1))
        assert [trial.state for trial in first.trials] == [sweepkit.TrialState.COMPLETE]
        second = asyncio.run(cell(2))
        assert second.counts()["complete"] == 2
        assert second.trials[0].reports == first.trials[0].reports
        out, err = capsys.readouterr()
        assert out == ""
        assert "toy: trials: 100%" in err

    def test_wrong_input_is_an_input_error_and_starts_nothing(self, tmp_path: Path) -> None:
        with pytest.raises(sweepkit.errors.InputError, match=r"search\.trials"):
            sweepkit.run_sweep(TOY, sets=["search.trials=none", f"storage.uri={tmp_path}/runs"])
        assert not (tmp_path / "runs").exists()

    def test_ctrl_c_is_a_keyboard_interrupt_and_the_same_call_goes_on(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        sets = [*SETS, "stopping.max_epochs=30"]
        epoch = tmp_path / "runs/sweeps/toy/trials/0000/checkpoints/epoch-0001/state.json"

        def press() -> None:
            wait_until(epoch.exists, "the first epoch")
            os.kill(os.getpid(), signal.SIGINT)

        pressing = threading.Thread(target=press)
        pressing.start()
        with pytest.raises(KeyboardInterrupt):
            sweepkit.run_sweep(TOY, sets=sets, inline=True)
        pressing.join()
        stopped = sweepkit.load_sweep(tmp_path / "runs/sweeps/toy")
        assert stopped.running() is None
        assert [trial.state for trial in stopped.trials] == [None]
        ended = sweepkit.run_sweep(TOY, sets=sets, inline=True)
        assert ended.counts()["complete"] == 2
        assert ended.trials[0].reports[: stopped.trials[0].epoch] == stopped.trials[0].reports


@pytest.mark.tf
@pytest.mark.mlflow
@pytest.mark.slow
def test_the_lines_of_the_readme_run(tmp_path: Path) -> None:
    """Beside a small sweep of the example, in a process of its own, as a reader would try them."""
    (tmp_path / "sweeps").symlink_to(ROOT / "sweeps")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    block = readme.partition("## In Python")[2].partition("```python\n")[2].partition("```")[0]
    assert block.count("sweepkit.") >= 5
    before = (
        "import sweepkit\n"
        "sweepkit.run_sweep('sweeps/imdb_cells.yaml', data='sample', inline=True, sets=['search.trials=8', "
        "'stopping.max_epochs=1', 'space.max_len=[20]', 'space.units=[16]', 'space.embedding=[scratch]', "
        "'space.layers=[1]'])\n"
    )
    script = tmp_path / "readme.py"
    script.write_text(before + block)
    own = {key: value for key, value in os.environ.items() if not key.startswith("MLFLOW_")}
    began = time.time()
    done = subprocess.run(
        [sys.executable, str(script)],
        cwd=tmp_path,
        env=own | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "complete" in done.stdout
    assert "Prediction(label=" in done.stdout
    assert (tmp_path / "report.html").stat().st_mtime >= began
    assert json.loads((tmp_path / "winner/bundle.json").read_text())["sweep"] == "imdb_cells"
    assert sweepkit.load_sweep(tmp_path / "runs/sweeps/two_trials").counts()["complete"] == 2
