"""`explain` as a user meets it: files, table, JSON, and what it says of wrong input."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sweepkit.cli import app
from tests.support.bundles import write_tiny_bundle

pytestmark = pytest.mark.tf

Run = Callable[..., tuple[int, str, str]]
TEXT = "The film was not good, but it is a very great film!"


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundle")
    write_tiny_bundle(folder, layers=2, bidirectional=True, max_len=20)
    return folder


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run `explain` in a folder of its own; returns the exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as leaving:
            app.main(["explain", *(str(argument) for argument in arguments)])
        out, err = capsys.readouterr()
        assert isinstance(leaving.value.code, int)
        return leaving.value.code, out, err

    return call


def test_page_and_picture_are_written_where_they_were_asked_for(run: Run, bundle: Path, tmp_path: Path) -> None:
    code, out, err = run(bundle, TEXT, "--html", "out.html", "--png", tmp_path / "out.png", "--most", 3)
    assert (code, err) == (0, "")
    assert out.splitlines()[-2:] == ["page: out.html", "picture: out.png"]
    page = (tmp_path / "out.html").read_text(encoding="utf-8")
    assert "Of 6 units, the 3 that vary most over this text are shown" in page
    assert (tmp_path / "out.png").read_bytes().startswith(b"\x89PNG")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.html", "out.png"]


def test_layer_direction_and_units_reach_the_page(run: Run, bundle: Path, tmp_path: Path) -> None:
    options = ("--layer", 1, "--direction", "backward", "--units", "4,0")
    code, _, _ = run(bundle, TEXT, "--html", "out.html", *options)
    page = (tmp_path / "out.html").read_text(encoding="utf-8")
    assert code == 0
    assert "LSTM layer 1, backward" in page
    assert "Of 6 units, the 2 selected ones are shown." in page


def test_without_a_file_the_prediction_and_the_turning_tokens_are_printed(
    run: Run, bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import numpy as np

    from sweepkit.tasks.text.explain import explanation

    monkeypatch.setattr(
        explanation, "running", lambda *_: np.array([(0.5, 0.5), (0.9, 0.1), (0.25, 0.75), (0.25, 0.75)], np.float32)
    )
    code, out, err = run(bundle, "bad [red]good film")
    assert (code, err) == (0, "")
    lines = [" ".join(line.replace("│", " ").split()) for line in out.splitlines()]
    assert lines[0] == "prediction: positive, 75 %"
    assert "The prediction is positive from token 2 on, “[”." in lines
    assert "1 bad +40 for negative 90 % 10 %" in lines
    assert "2 [ +65 for positive 25 % 75 %" in lines
    assert not list(tmp_path.iterdir())


def test_json_says_tokens_predictions_and_files_and_nothing_else(run: Run, bundle: Path) -> None:
    code, out, err = run(bundle, "good zebra", "--html", "out.html", "--json", "--units", "2")
    facts = json.loads(out)
    assert (code, err) == (0, "")
    assert facts["tokens"] == ["good", "zebra", "<end>"]
    assert facts["labels"] == ["negative", "positive"]
    assert len(facts["after_token"]) == 2
    assert sum(facts["after_token"][-1]) == pytest.approx(1, abs=1e-5)
    assert facts["probability"] == max(facts["after_token"][-1])
    assert facts["states"] == {
        "layer": 2,
        "direction": "forward",
        "cell": "LSTM",
        "values": "tanh(c)",
        "units": [2],
    }
    assert (facts["html"], facts["png"]) == ("out.html", None)
    assert facts["model"]["trial"] == 7


def test_the_text_may_come_from_stdin(run: Run, bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("good\nfílm\n".encode()), encoding="latin-1"))
    code, out, _ = run(bundle, "-", "--json")
    assert code == 0
    assert json.loads(out)["tokens"] == ["good", "fílm", "<end>"]


def test_half_a_character_can_be_printed(run: Run, bundle: Path) -> None:
    code, out, _ = run(bundle, "good \ud83d film", "--json")
    assert code == 0
    assert json.loads(out)["tokens"] == ["good", "?", "film", "<end>"]


def test_a_long_text_is_noted_as_cut(run: Run, bundle: Path) -> None:
    _, out, _ = run(bundle, "good " * 50)
    assert "The text has 51 tokens; the model reads only the last 20, and only these are shown." in out


def test_a_model_without_a_recurrent_layer_says_why_there_are_no_states(run: Run, tmp_path: Path) -> None:
    write_tiny_bundle(tmp_path / "plain", cell="none")
    code, out, _ = run(tmp_path / "plain", TEXT, "--html", "out.html", "--png", "out.png")
    assert code == 0
    assert "This model has no recurrent layer" in out
    code, out, _ = run(tmp_path / "plain", TEXT, "--json")
    assert json.loads(out)["states"] is None


def test_text_that_is_no_utf8_on_stdin_is_refused(run: Run, bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"good \xff film")))
    code, _, err = run(bundle, "-")
    assert code == 2
    assert "error: stdin: the text must be UTF-8" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([""], "error: TEXT: the text must have at least one word, got ''"),
        (["good", "--units", "1,x"], "error: --units: must be numbers separated by commas, got '1,x'"),
        (["good", "--units", ""], "error: --units: must be numbers separated by commas, got ''"),
        (["good", "--units", "1,6"], "error: --units: units of layer 2 must be in 0 to 5, got 6"),
        (["good", "--layer", "3"], "error: --layer: a recurrent layer must be in 1 to 2, got 3"),
        (
            ["good", "--html", "no/out.html"],
            "error: --html: the file's folder must exist and be writable",
        ),
        (["good", "--png", "."], "error: --png: must be a file, '.' is a folder"),
        (["good", "--html", "out", "--png", "./out"], "error: --html and --png must be two files"),
        (["good", "--most", "0"], "0 is not in the range x>=1"),
        (["good", "--direction", "up"], "'up' is not one of 'forward', 'backward'"),
        ([], "Missing argument 'TEXT'"),
    ],
)
def test_wrong_input_is_named_and_nothing_is_written(
    run: Run, bundle: Path, tmp_path: Path, arguments: list[str], message: str
) -> None:
    code, out, err = run(bundle, *arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_neither_bundle_nor_sweep_is_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    code, _, err = run(tmp_path / "empty", "good")
    assert code == 2
    assert "neither a bundle" in err


def test_help_imports_nothing_heavy() -> None:
    program = (
        "import sys, atexit\n"
        "from sweepkit.cli.app import main\n"
        "atexit.register(lambda: print('\\nmodules', *sys.modules))\n"
        "main(['explain', '--help'])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    shown, _, modules = done.stdout.rpartition("\nmodules ")
    assert "SWEEP" in shown
    assert {"numpy", "tensorflow", "matplotlib", "jinja2", "rich"}.isdisjoint(modules.split())
