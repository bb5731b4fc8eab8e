"""`sweepkit predict` on a tiny bundle: sources of texts, output for people and programs, wrong input."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sweepkit.cli import app
from tests.support.bundles import write_tiny_bundle

pytestmark = pytest.mark.tf
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundle")
    write_tiny_bundle(folder)
    return folder


class Stdin(io.TextIOWrapper):
    """Stdin with bytes in it; `is_terminal` says whether somebody could type."""

    def __init__(self, content: bytes = b"", *, is_terminal: bool = False) -> None:
        super().__init__(io.BytesIO(content))
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Run the command in an empty folder; returns the exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: object, stdin: Stdin | None = None) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "stdin", stdin or Stdin())
        with pytest.raises(SystemExit) as leaving:
            app.main(["predict", *map(str, arguments)])
        out, err = capsys.readouterr()
        assert isinstance(leaving.value.code, int)
        return leaving.value.code, out, err

    return call


def test_one_line_a_text_with_label_probability_and_note(run: Run, bundle: Path) -> None:
    code, out, err = run(bundle, "good film", "", "<br/>", "qwertz " * 20)
    lines = out.splitlines()
    assert code == 0
    assert lines[0].split() == [lines[0].split()[0], lines[0].split()[1], "good", "film"]
    assert lines[0].split()[0] in ("negative", "positive")
    assert 0.5 <= float(lines[0].split()[1]) <= 1
    assert lines[1] == "-         -      (no words in it)"
    assert lines[2] == "-         -      <br/>  (no words in it)"
    assert lines[3].endswith("…  (only the last 12 of 21 tokens were read; none of its words is known)")
    assert err == f"model: trial 7 of sweep cells, epoch 3 ({bundle})\n"


def test_json_has_every_probability_and_nothing_else_is_printed(run: Run, bundle: Path) -> None:
    code, out, err = run(bundle, "good film", "\ud800", "", "--json")
    facts = json.loads(out)
    assert (code, err) == (0, "")
    assert (facts["sweep"], facts["trial"], facts["epoch"], facts["bundle"]) == ("cells", 7, 3, str(bundle))
    first, half, empty = facts["predictions"]
    assert first["text"] == "good film"
    assert set(first["probabilities"]) == {"negative", "positive"}
    assert first["probability"] == first["probabilities"][first["label"]]
    assert half["note"] == "none of its words is known"
    expected = {"text": "", "label": None, "probability": None, "probabilities": {}, "note": "no words in it"}
    assert empty == expected


def test_nothing_of_a_text_reaches_the_terminal_but_its_letters(run: Run, bundle: Path) -> None:
    code, out, _ = run(bundle, "good\x1b[2J\x07\x00\udfff film", "a\nb\u2028c")
    assert code == 0
    assert "good�[2J��� film" in out
    assert out.endswith("  a b c\n")


def test_a_long_text_is_shown_from_its_beginning(run: Run, bundle: Path) -> None:
    _, out, _ = run(bundle, "x" * 500)
    assert f"{'x' * 60}…  (none" in out
    assert "x" * 61 not in out


class TestStdin:
    def test_every_line_is_a_text(self, run: Run, bundle: Path) -> None:
        code, out, _ = run(bundle, "--json", stdin=Stdin("good film\r\n\nbad caf\u00e9".encode()))
        assert code == 0
        assert [one["text"] for one in json.loads(out)["predictions"]] == ["good film", "", "bad caf\u00e9"]

    def test_a_terminal_is_not_waited_for(self, run: Run, bundle: Path) -> None:
        code, _, err = run(bundle, stdin=Stdin(is_terminal=True))
        assert code == 2
        assert "there are no texts: pass them as arguments, in a file with --file, or on stdin, one per line" in err

    def test_empty_is_wrong_input(self, run: Run, bundle: Path) -> None:
        code, _, err = run(bundle)
        assert code == 2
        assert "there are no texts, stdin is empty" in err

    def test_another_encoding_is_wrong_input(self, run: Run, bundle: Path) -> None:
        code, _, err = run(bundle, stdin=Stdin(b"one\n\xff"))
        assert code == 2
        assert "stdin: this must be text in UTF-8, line 2 has the byte 0xff" in err


class TestFiles:
    def test_a_csv_gets_three_columns(self, run: Run, bundle: Path, tmp_path: Path) -> None:
        (tmp_path / "in.csv").write_text('id,text\n01,"good, film"\n02,\n03,bad plot\n')
        code, out, _ = run(bundle, "--file", "in.csv", "--to", "out.csv")
        head, *rows = (tmp_path / "out.csv").read_text().splitlines()
        assert code == 0
        assert head == "id,text,label,probability,note"
        assert rows[0].startswith('01,"good, film",')
        assert rows[1] == "02,,,,no words in it"
        assert rows[2].split(",")[2] in ("negative", "positive")
        assert out.startswith("out.csv: 3 rows (")
        assert out.endswith("1 without a label), with the columns label, probability, note\n")

    def test_the_column_is_named_and_a_label_that_is_there_stays(self, run: Run, bundle: Path, tmp_path: Path) -> None:
        table = pa.table({"label": pa.array([1, 0], pa.int8()), "words": ["good", "bad"]})
        pq.write_table(table, tmp_path / "in.parquet")
        code, out, _ = run(bundle, "--file", "in.parquet", "--column", "words", "--to", "out.parquet", "--json")
        wider = pq.read_table(tmp_path / "out.parquet")
        assert code == 0
        assert wider.column_names == ["label", "words", "predicted_label", "probability", "note"]
        assert wider.select(["label", "words"]).equals(table)
        facts = json.loads(out)
        assert facts["rows"] == sum(facts["labels"].values()) == 2
        assert (facts["without_label"], facts["to"]) == (0, "out.parquet")
        assert facts["columns"] == ["predicted_label", "probability", "note"]

    def test_a_file_without_to_is_shown(self, run: Run, bundle: Path, tmp_path: Path) -> None:
        (tmp_path / "in.txt").write_text("good film\n\n")
        code, out, _ = run(bundle, "--file", "in.txt")
        assert code == 0
        assert "good film" in out.splitlines()[0]
        assert "(no words in it)" in out.splitlines()[1]

    def test_what_was_labelled_already_is_refused(self, run: Run, bundle: Path, tmp_path: Path) -> None:
        (tmp_path / "in.csv").write_text("text,label,predicted_label\na,1,0\n")
        code, _, err = run(bundle, "--file", "in.csv", "--to", "out.csv")
        assert code == 2
        assert "has a column 'predicted_label' already, as if labelled before" in err
        assert not (tmp_path / "out.csv").exists()

    def test_a_bar_with_the_time_left_is_drawn_on_a_terminal(self) -> None:
        from rich.console import Console

        from sweepkit.cli.predict import _progress

        drawn = io.StringIO()
        with _progress(Console(file=drawn, force_terminal=True, width=80)) as progress:
            assert progress is not None
            progress(128, 2048)
        assert "labelling texts" in drawn.getvalue()
        assert "128/2048" in drawn.getvalue()
        with _progress(Console(file=drawn, force_terminal=False)) as progress:
            assert progress is None


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["a text", "--file", "in.csv"], "texts must be arguments or in --file, not both"),
        (["a text", "--to", "out.csv"], "--to writes the rows of a file with their labels, so it needs --file"),
        (["a text", "--column", "words"], "--column needs --file with a .csv or .parquet file"),
        (["--file", "in.txt", "--column", "words"], "--column needs --file with a .csv or .parquet file"),
        (["--file", "none.csv"], "none.csv: there is no such file"),
        (["--file", "in.csv", "--column", "words"], "must have a column 'words'"),
        (["--file", "in.csv", "--to", "in.csv"], "must be another one than the file that is read"),
        (["--file", "in.csv", "--to", "out.txt"], "must be of the same kind as 'in.csv'"),
    ],
    ids=" ".join,
)
def test_wrong_usage_is_reported_before_a_model_is_loaded(
    run: Run, tmp_path: Path, arguments: list[str], expected: str
) -> None:
    for name in ("in.csv", "in.txt"):
        (tmp_path / name).write_text("text\na\n")
    code, out, err = run("no-such-model", *arguments)
    assert (code, out) == (2, "")
    assert expected in err
    assert "no-such-model" not in err


def test_a_missing_target_is_reported(run: Run, tmp_path: Path) -> None:
    for target, expected in (("none.yaml", "there is no such file"), (".", "neither a bundle")):
        code, _, err = run(target, "a text")
        assert code == 2
        assert expected in err


def test_a_damaged_bundle_is_reported(run: Run, tmp_path: Path) -> None:
    (tmp_path / "bundle.json").write_text("{}")
    code, _, err = run(tmp_path, "a text")
    assert code == 2
    assert "a bundle must have format 1" in err


def test_a_sweep_is_read_with_its_overrides(run: Run, bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from sweepkit.final import winner

    seen: list[object] = []

    def bundle_of(*arguments: object) -> Path:
        seen.extend(arguments)
        return bundle

    monkeypatch.setattr(winner, "bundle_of", bundle_of)
    code, _, err = run("cells.yaml", "good", "--set", "storage.uri=there", "--data", "sample")
    assert code == 0
    assert seen == [Path("cells.yaml"), ("storage.uri=there",), "sample"]
    assert str(bundle) in err
