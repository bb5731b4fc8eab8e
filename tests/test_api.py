"""The Python API: what it offers, how light importing it is, and sweeps run and read back as in a notebook."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import sweepkit
from tests.support.commands import ROOT, TOY
from tests.support.small_sweeps import YAML, write_sweep

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
        assert repr(sweep) == f"<Sweep {sweep.name}: 2 complete>"
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


def python(folder: Path, program: str) -> subprocess.CompletedProcess[str]:
    """Run a program in a process of its own, where TensorFlow has not started."""
    own = {key: value for key, value in os.environ.items() if not key.startswith("MLFLOW_")}
    command = [sys.executable, "-c", f"import sweepkit\nTOY, SETS = {str(TOY)!r}, {SETS!r}\n{program}"]
    return subprocess.run(
        command, cwd=folder, env=own | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
    )


@pytest.mark.tf
@pytest.mark.slow
class TestRunning:
    def test_in_a_running_event_loop_a_sweep_runs_and_the_same_call_goes_on(self, tmp_path: Path) -> None:
        done = python(
            tmp_path,
            """
import asyncio

async def cell(n_trials):
    return sweepkit.run_sweep(TOY, sets=[*SETS, f"search.trials={n_trials}"], inline=True)

first = asyncio.run(cell(1))
assert [trial.state for trial in first.trials] == [sweepkit.TrialState.COMPLETE]
second = asyncio.run(cell(2))
assert second.counts()["complete"] == 2
assert second.trials[0].reports == first.trials[0].reports
""",
        )
        assert (done.returncode, done.stdout) == (0, ""), done.stderr
        assert "toy: trials: 100%" in done.stderr

    def test_one_text_for_a_list_is_an_input_error(self) -> None:
        with pytest.raises(sweepkit.errors.InputError, match="sets must be a list"):
            sweepkit.run_sweep(TOY, sets="search.trials=2")
        with pytest.raises(sweepkit.errors.InputError, match="targets must be a list"):
            sweepkit.compare("runs/sweeps/toy")

    def test_wrong_input_is_an_input_error_and_starts_nothing(self, tmp_path: Path) -> None:
        with pytest.raises(sweepkit.errors.InputError, match=r"search\.trials"):
            sweepkit.run_sweep(TOY, sets=["search.trials=none", f"storage.uri={tmp_path}/runs"])
        assert not (tmp_path / "runs").exists()

    def test_ctrl_c_is_a_keyboard_interrupt_and_the_same_call_goes_on(self, tmp_path: Path) -> None:
        done = python(
            tmp_path,
            """
import os, pathlib, signal, threading, time

epoch = pathlib.Path("runs/sweeps/toy/trials/0000/checkpoints/epoch-0001/state.json")

def press():
    deadline = time.monotonic() + 100
    while not epoch.exists() and time.monotonic() < deadline:
        time.sleep(0.002)
    os.kill(os.getpid(), signal.SIGINT)

sets = [*SETS, "stopping.max_epochs=100"]
threading.Thread(target=press).start()
try:
    sweepkit.run_sweep(TOY, sets=sets, inline=True)
    raise SystemExit("it was not interrupted")
except KeyboardInterrupt:
    pass
stopped = sweepkit.load_sweep("runs/sweeps/toy")
assert stopped.running() is None
assert any(trial.state is None for trial in stopped.trials), stopped.trials
ended = sweepkit.run_sweep(TOY, sets=sets, inline=True)
assert ended.counts()["complete"] == 2
assert ended.trials[0].reports[: stopped.trials[0].epoch] == stopped.trials[0].reports
""",
        )
        assert done.returncode == 0, done.stderr

    def test_a_process_whose_tensorflow_has_other_settings_is_refused_in_words(self, tmp_path: Path) -> None:
        done = python(
            tmp_path,
            """
import tensorflow as tf

tf.config.threading.set_intra_op_parallelism_threads(2)
tf.constant(1.0)
try:
    sweepkit.run_sweep(TOY, sets=SETS, inline=True)
except sweepkit.errors.InputError as error:
    print(error)
""",
        )
        assert done.returncode == 0, done.stderr
        assert not (tmp_path / "runs/sweeps/toy/journal.log").exists(), "no trial was started"
        assert "TensorFlow has already started in this process with other settings" in done.stdout
        assert "restart the process" in done.stdout


@pytest.mark.tf
@pytest.mark.mlflow
@pytest.mark.slow
def test_the_lines_of_the_readme_and_of_the_notebook_run(tmp_path: Path) -> None:
    """Beside a small sweep of the example, in processes of their own, as a reader would try them."""
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
    began = time.time()
    done = script(before + block, tmp_path)
    assert done.returncode == 0, done.stderr
    assert "complete" in done.stdout
    assert "Prediction(label=" in done.stdout
    assert (tmp_path / "report.html").stat().st_mtime >= began
    assert json.loads((tmp_path / "winner/bundle.json").read_text())["sweep"] == "imdb_cells"
    assert sweepkit.load_sweep(tmp_path / "runs/sweeps/two_trials").counts()["complete"] == 2

    beside = tmp_path / "notebooks/imdb"  # as far from runs/ as the notebook is
    beside.mkdir(parents=True)
    cells = ["".join(cell["source"]) for cell in code_cells()]
    done = script("\n".join([*cells, "print(sweep.checkpoint(best))"]), beside)
    assert done.returncode == 0, done.stderr
    assert "sweeps/imdb_cells/trials/" in done.stdout


def script(text: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a script in a folder, without the tracking store of other tests and without a screen."""
    (folder / "script.py").write_text(text, encoding="utf-8")
    own = {key: value for key, value in os.environ.items() if not key.startswith("MLFLOW_")}
    return subprocess.run(
        [sys.executable, "script.py"],
        cwd=folder,
        env=own | {"PYTHONPATH": str(ROOT), "MPLBACKEND": "agg"},
        capture_output=True,
        text=True,
        check=False,
    )


def code_cells() -> list[dict[str, Any]]:
    notebook = json.loads((ROOT / "sweeps/imdb/compare_trials.ipynb").read_text(encoding="utf-8"))
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def test_the_notebook_shows_what_its_cells_gave() -> None:
    cells = code_cells()
    outputs = [output for cell in cells for output in cell["outputs"]]
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    assert not [output for output in outputs if output["output_type"] == "error" or output.get("name") == "stderr"]
    assert sum("image/png" in output.get("data", {}) for output in outputs) >= 2
    text = (ROOT / "sweeps/imdb/compare_trials.ipynb").read_text(encoding="utf-8")
    assert len(text) < 300_000
    assert not re.search(r"/(home|root|Users|tmp|opt|usr|mnt|srv)/", text), "an absolute path of some machine"
