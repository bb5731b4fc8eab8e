"""What `pull` prints and how it ends."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from sweepkit.cli import app
from tests.support.bundles import write_tiny_bundle

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run `pull` in this process and in `tmp_path`; returns the exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)

    def call(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as leaving:
            app.main(["pull", *(str(argument) for argument in arguments)])
        out, err = capsys.readouterr()
        assert isinstance(leaving.value.code, int)
        return leaving.value.code, out, err

    return call


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundle") / "winner"
    write_tiny_bundle(folder)
    return folder


@pytest.mark.tf
def test_it_says_what_it_is_how_good_and_how_to_use_it(run: Run, bundle: Path) -> None:
    code, out, err = run(bundle, "--to", "my model")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == f"my model: trial 7 of sweep cells, epoch 3, from {bundle}"
    assert "parameters: dropout=0.1 optimizer=adam" in lines[1]
    assert lines[2] == "labels: negative, positive"
    assert "validation accuracy: 0.7500 (95 % interval 0.6500 to 0.8300)" in lines
    assert "validation loss: 0.5000" in lines
    assert any(line.startswith("checked: ") and "of 40 validation rows correct" in line for line in lines)
    assert "  python -m sweepkit predict 'my model' \"some text\"" in lines
    assert "  sweepkit.load_model('my model').predict([\"some text\"])" in lines


@pytest.mark.tf
def test_json_is_one_object(run: Run, bundle: Path, tmp_path: Path) -> None:
    code, out, err = run(bundle, "--to", "got", "--json")
    assert (code, err) == (0, "")
    facts = json.loads(out)
    assert (facts["folder"], facts["source"]) == (str(tmp_path / "got"), str(bundle))
    assert (facts["sweep"], facts["trial"], facts["label_names"]) == ("cells", 7, ["negative", "positive"])
    assert facts["measured"][0]["high"] == 0.83
    assert facts["check"]["rows"] == 40


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["models:/cells@champion"], "Missing option '--to'"),
        (["models:/cells@champion", "--to", "x"], "error: there is no tracking store 'sqlite:///"),
        (["models:/cells", "--to", "x"], "must be runs:/RUN_ID, models:/NAME@ALIAS or models:/NAME/VERSION"),
        (["nothing.yaml", "--to", "x"], "error: nothing.yaml: there is no such file"),
        (["sweep.yaml", "--to", "x", "--tracking-uri", "http://host"], "error: sweep.yaml: --tracking-uri is for"),
        (["runs:/1", "--to", "x", "--set", "a=b"], "error: runs:/1: --set and --data adjust"),
    ],
)
def test_wrong_input_is_reported_with_exit_code_two(
    run: Run, tmp_path: Path, arguments: list[str], message: str
) -> None:
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert "Traceback" not in err
    assert list(tmp_path.iterdir()) == []
