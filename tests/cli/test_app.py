"""The command line: help, validate, plan, exit codes."""

from __future__ import annotations

import importlib
import json
import time
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from sweepkit.cli import app
from sweepkit.data.manifest import FORMAT, Manifest, SplitInfo
from sweepkit.errors import SweepFailed

SweepFile = Callable[..., Path]

YAML = """\
sweep: cells
package: {package}
objective: {metric: valid_accuracy, mode: max}
data: {source: sample}
space: {cell: [lstm, none], rate: {from: 1e-3, to: 1e-2}}
search: {trials: 27}
stopping: {max_epochs: 9, patience: 2}
resources: {workers: 2}
"""


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Run the command line in this process; returns the exit code, stdout and stderr."""

    def call(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as leaving:
            app.main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        assert isinstance(leaving.value.code, int)
        return leaving.value.code, out, err

    return call


Run = Callable[..., tuple[int, str, str]]


def test_help_lists_every_verb_with_its_line(run: Run) -> None:
    code, out, err = run("--help")
    assert (code, err) == (0, "")
    for verb, line in app.VERBS.items():
        assert f"  {verb} " in out
        assert line in out


def test_every_verb_has_a_module_with_a_command_and_help() -> None:
    folder = Path(app.__file__).parent
    for verb in app.VERBS:
        assert (folder / f"{verb}.py").is_file()
    for verb in ("validate", "plan"):  # the others import heavier things
        command = importlib.import_module(f"sweepkit.cli.{verb}").command
        assert isinstance(command, click.Command)
        assert command.help


def test_the_version_is_shown(run: Run) -> None:
    assert run("--version")[:2] == (0, "sweepkit, version 0.1.0\n")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["validat", "x.yaml"], "no such command 'validat'; did you mean 'validate'?"),
        (["zzz"], "no such command 'zzz'; allowed: 'validate', 'plan'"),
        (["validate", "x.yaml", "--sett", "a=b"], "'--sett'"),
        (["validate"], "Missing argument 'SWEEP'"),
        (["plan", "x.yaml", "y.yaml"], "unexpected extra argument"),
    ],
)
def test_wrong_usage_is_reported_with_exit_code_two(run: Run, arguments: list[str], expected: str) -> None:
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert expected in err
    assert "Traceback" not in err


def test_validate_shows_the_sweep(run: Run, sweep_file: SweepFile) -> None:
    path = sweep_file(YAML)
    code, out, err = run("validate", path, "--set", "space.wide=true")
    assert (code, err) == (0, "")
    shown = [" ".join(line.replace("│", " ").split()) for line in out.splitlines()]
    assert f"sweep cells (package {path.stem})" in shown
    assert "stopping asha from epoch 1, reduction 3; at most 9 epochs, patience 2" in shown
    assert "cell lstm, none always" in shown
    assert "units 8 to 64, step 8 cell: lstm" in shown
    assert "rate 0.001 to 0.01, log scale always" in shown
    assert "wide true always" in shown
    assert shown[-1] == f"{path} is valid"


def test_validate_prints_one_json_object(run: Run, sweep_file: SweepFile) -> None:
    code, out, err = run("validate", sweep_file(YAML), "--json", "--set", "space.cell=none", "--set", "space.units=8")
    assert (code, err) == (0, "")
    facts = json.loads(out)
    assert facts["valid"] is True
    assert facts["spec"]["search"]["trials"] == 27
    assert [param["name"] for param in facts["space"]] == ["cell", "dropout", "rate", "wide"]
    assert facts["grid_size"] is None
    assert facts["notes"] == ["space.units never applies here: it needs cell in 'lstm', 'gru'"]


def test_problems_are_one_line_each_with_their_number_and_no_traceback(run: Run, sweep_file: SweepFile) -> None:
    path = sweep_file(YAML.replace("trials: 27", "trial: 27").replace("cell:", "cel:"))
    code, out, err = run("validate", path, "--json")
    assert (code, out) == (2, "")
    assert err.splitlines() == [
        f"error: {path}:5: space.cel: the space has no parameter 'cel'; did you mean 'cell'?",
        f"error: {path}:6: unknown key 'search.trial'; did you mean 'trials'?",
        "2 problems found; nothing was started",
    ]


def test_a_missing_file_is_a_problem_of_the_input(run: Run, tmp_path: Path) -> None:
    code, _, err = run("plan", tmp_path / "nothing.yaml")
    assert code == 2
    assert err == f"error: {tmp_path}/nothing.yaml: there is no such file\n1 problem found; nothing was started\n"


def test_plan_shows_trials_rungs_epochs_and_a_time(run: Run, sweep_file: SweepFile) -> None:
    code, out, err = run("plan", sweep_file(YAML))
    assert (code, err) == (0, "")
    shown = [" ".join(line.replace("│", " ").split()) for line in out.splitlines()]
    assert "trials 27 (tpe)" in shown
    assert "rungs 1, 3" in shown
    assert "27" in next(line for line in shown if line.startswith("1 "))
    assert any(line.startswith("epochs ") and line.endswith("expected, 243 without pruning") for line in shown)
    assert "2 trials at once (1,000 rows" in shown[-1]


def test_plan_without_a_number_of_rows_has_no_time(run: Run, sweep_file: SweepFile) -> None:
    code, out, _ = run("plan", sweep_file(YAML), "--data", "rows.csv")
    assert code == 0
    assert "time: known after `prepare`, which counts the rows" in out


def test_plan_takes_the_number_of_rows_from_prepared_data(run: Run, sweep_file: SweepFile) -> None:
    path = sweep_file(YAML)
    manifest = path.parent / "runs" / "data" / f"{path.stem}-ab12" / "manifest.json"
    manifest.parent.mkdir(parents=True)
    prepared = Manifest(
        format=FORMAT,
        key="ab12",
        package=path.stem,
        splits={
            "train": SplitInfo(rows=6000, lengths={"mean": 7.0}, files=()),
            "valid": SplitInfo(rows=1500, lengths={"mean": 9.0}, files=()),
            "test": SplitInfo(rows=0, lengths={}, files=()),
        },
        settings={"vocab_size": 100, "seed": 0, "other": 1},
        source="table rows.csv",
        source_digest="ab",
    )
    manifest.write_text(json.dumps(prepared.to_json()))
    options = ["--set", f"storage.uri={path.parent / 'runs'}", "--json", "--data"]
    assert json.loads(run("plan", path, *options, "folder/rows.csv")[1])["n_rows"] == 7500
    assert json.loads(run("plan", path, *options, "folder/other.csv")[1])["n_rows"] is None
    seeded = run("plan", path, "--set", "data.seed=1", *options, "folder/rows.csv")
    assert json.loads(seeded[1])["n_rows"] is None
    manifest.write_text("{}")
    assert json.loads(run("plan", path, *options, "folder/rows.csv")[1])["n_rows"] is None


def test_plan_does_not_guess_the_speed_of_gpus(run: Run, sweep_file: SweepFile) -> None:
    _, out, _ = run("plan", sweep_file(YAML), "--set", "resources.gpu=0.5")
    assert "time: not estimated, because trials run on GPUs" in out


def test_plan_prints_one_json_object(run: Run, sweep_file: SweepFile) -> None:
    code, out, err = run("plan", sweep_file(YAML), "--json")
    assert (code, err) == (0, "")
    plan = json.loads(out)
    assert (plan["n_trials"], plan["rungs"], plan["full_epochs"], plan["workers"]) == (27, [1, 3], 243, 2)
    assert plan["reaching"][0] == [1, 27]
    assert plan["time_s"] > 0


@pytest.mark.parametrize(
    ("raised", "code", "message"),
    [
        (SweepFailed("no trial completed"), 3, "error: no trial completed\n"),
        (KeyboardInterrupt(), 130, "interrupted\n"),
    ],
)
def test_endings_have_their_exit_codes(
    run: Run, monkeypatch: pytest.MonkeyPatch, raised: BaseException, code: int, message: str
) -> None:
    def fail() -> None:
        raise raised

    validate = importlib.import_module("sweepkit.cli.validate")
    monkeypatch.setattr(validate, "command", click.Command("validate", callback=fail))
    ended, _, err = run("validate")
    assert ended == code
    assert err.lstrip().endswith(message)


def test_a_bug_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    validate = importlib.import_module("sweepkit.cli.validate")
    monkeypatch.setattr(validate, "command", click.Command("validate", callback=lambda: 1 / 0))
    with pytest.raises(ZeroDivisionError):
        app.main(["validate"])


def test_validating_many_problems_stays_fast(run: Run, sweep_file: SweepFile) -> None:
    path = sweep_file(YAML + "".join(f"key_{number}: 1\n" for number in range(500)))
    began = time.process_time()
    code, _, err = run("validate", path)
    assert time.process_time() - began < 2
    assert (code, len(err.splitlines())) == (2, 501)
