"""What the documents say still holds: commands exist and parse, links lead somewhere, the example file is valid."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from sweepkit.cli.app import VERBS, cli
from sweepkit.config.definition import load

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted(path for path in ROOT.rglob("*.md") if not {".venv", "runs"} & set(path.relative_to(ROOT).parts))
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMAND = re.compile(r"python -m sweepkit ([^`\n]+?)(?= +#|[`\n]|$)")
# folders that the documents' own commands make
MADE = {"winner", "runs/sweeps/imdb_cells"}
COMMANDS = sorted({match.strip() for path in DOCUMENTS for match in COMMAND.findall(path.read_text(encoding="utf-8"))})


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_to_files_resolve(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", path.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (path.parent / target).exists(), f"{path}: {target}"


@pytest.mark.parametrize("line", COMMANDS)
def test_commands_in_documents_parse(line: str) -> None:
    verb, *arguments = shlex.split(line)
    if verb.isupper():
        return
    command = cli.get_command(click.Context(cli), verb)
    assert command is not None, f"no such command: {verb}"
    context = command.make_context(verb, arguments)
    target = context.params["target"]
    path = str(target).partition("#")[0]
    assert path.startswith(("SWEEP", "models:/", "runs:/")) or path in MADE or (ROOT / path).exists(), target


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_every_verb_is_in_the_readme_and_has_help(verb: str) -> None:
    assert f"| `{verb} SWEEP` |" in README
    shown = CliRunner().invoke(cli, [verb, "--help"])
    assert shown.exit_code == 0
    assert "SWEEP" in shown.output


def test_make_targets_in_the_readme_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"^ +make ([a-z]+)", README, re.MULTILINE)) <= targets


def test_the_example_in_the_readme_is_a_valid_sweep() -> None:
    found = re.search(r"```yaml\n(.*?)```", README, re.DOTALL)
    assert found is not None
    path = ROOT / "sweeps" / "readme-example.yaml"
    path.write_text(found[1], encoding="utf-8")
    try:
        assert load(path).config.sweep == "imdb_cells"
    finally:
        path.unlink()


@pytest.mark.parametrize("path", sorted((ROOT / "sweeps").glob("*.yaml")), ids=lambda path: path.name)
def test_shipped_sweeps_are_valid_and_say_how_long_they_take(path: Path) -> None:
    load(path)
    head = path.read_text(encoding="utf-8").partition("\nsweep:")[0]
    assert "# Run " in head
    assert "# Duration " in head
    assert "# Result " in head


def test_the_lock_file_names_no_index() -> None:
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert "://" not in lock
    assert "index" not in lock.lower().replace("importlib", "")


def test_the_shipped_sample_is_small() -> None:
    sizes = [path.stat().st_size for path in (ROOT / "sweeps" / "imdb" / "sample").iterdir()]
    assert sum(sizes) <= 8_000_000
