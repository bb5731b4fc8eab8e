"""What the documents say still holds: links and anchors resolve, commands parse, tables name what the sources have."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from pydantic import BaseModel

from sweepkit.cli.app import VERBS, cli
from sweepkit.config.definition import load
from sweepkit.config.schema import DataSettings, Final, SweepConfig

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted(path for path in ROOT.rglob("*.md") if not {".venv", "runs"} & set(path.relative_to(ROOT).parts))
# model cards that an earlier version of sweepkit wrote: goldens, which nothing may change
WRITTEN_BEFORE = {ROOT / "tests/goldens" / name / "README.md" for name in ("bundle", "registered_model/data/winner")}
README = (ROOT / "README.md").read_text(encoding="utf-8")
DESIGN = (ROOT / "DESIGN.md").read_text(encoding="utf-8")
SWEEP_FILE = (ROOT / "docs" / "sweep_file.md").read_text(encoding="utf-8")
COMMAND = re.compile(r"python -m sweepkit ([^`\n]+?)(?= +#|[`\n]|$)")
# folders that the documents' own commands make
MADE = {"winner", "runs/sweeps/imdb_cells"}
COMMANDS = sorted({match.strip() for path in DOCUMENTS for match in COMMAND.findall(path.read_text(encoding="utf-8"))})
LINK = re.compile(r"\]\(([^)\s]+)\)|^\[[^\]]+\]: (\S+)", re.MULTILINE)
# `serving` is what MLflow loads by name: a top module, above all rows
ABOVE_ALL_LAYERS = {"__init__", "__main__", "api", "serving"}


def without_code(path: Path) -> str:
    """Return a document without its fenced blocks."""
    return re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


def anchors_of(path: Path) -> set[str]:
    """Return the anchors that a Markdown page gives its headings: lower case, hyphens, no punctuation."""
    titles = re.findall(r"^#+ (.+)$", without_code(path), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_and_anchors_resolve(path: Path) -> None:
    for match in LINK.finditer(without_code(path)):
        target = match[1] or match[2]
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        place = path.parent / name if name else path
        assert place.exists(), f"{path}: {target}"
        assert not anchor or anchor in anchors_of(place), f"{path}: no heading for #{anchor} in {place}"


@pytest.mark.parametrize(
    "path",
    [path for path in DOCUMENTS if path not in WRITTEN_BEFORE],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_lines_have_at_most_120_characters(path: Path) -> None:
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        assert len(line) <= 120, f"{path}:{number}: {len(line)} characters"


def test_every_page_of_the_documents_is_linked() -> None:
    for path in sorted((ROOT / "docs").iterdir()):
        assert f"](docs/{path.name})" in README + DESIGN, f"neither README.md nor DESIGN.md links {path.name}"


def test_the_design_fits_on_two_pages() -> None:
    assert len(DESIGN.splitlines()) <= 130


def test_the_layer_table_names_exactly_the_packages() -> None:
    table = re.search(r"```layers\n(.*?)```", DESIGN, re.DOTALL)
    assert table is not None
    numbers, rows = zip(*(line.split(maxsplit=1) for line in table[1].splitlines()), strict=True)
    assert [int(number) for number in numbers] == [*range(len(rows) - 1, -1, -1)]
    named = [name for row in rows for name in row.split()]
    packages = [path.parent.name for path in (ROOT / "sweepkit").glob("*/__init__.py")]
    modules = [path.stem for path in (ROOT / "sweepkit").glob("*.py") if path.stem not in ABOVE_ALL_LAYERS]
    assert sorted(named) == sorted([*packages, *modules])


def test_every_decision_is_listed_under_its_title_and_explained() -> None:
    decisions = re.findall(r"^(\d+)\. (.+?):\s+\[[\w/]+\]\((\S+?)#", DESIGN.partition("## Decisions")[2], re.MULTILINE)
    assert [int(number) for number, _, _ in decisions] == [*range(1, len(decisions) + 1)]
    for number, title, page in decisions:
        _, heading, after = (ROOT / page).read_text(encoding="utf-8").partition(f"\n## {number}. {title}\n")
        assert heading, f"{page} has no decision {number}. {title}"
        words = re.findall(r"^\*\*(\w+)\.\*\*", after.partition("\n## ")[0], re.MULTILINE)
        assert words == ["Context", "Decision", "Consequence"], f"{page}: decision {number}"
    pages = (ROOT / "sweepkit").rglob("README.md")
    written = {int(found) for page in pages for found in re.findall(r"^## (\d+)\. ", page.read_text("utf-8"), re.M)}
    assert written == {int(number) for number, _, _ in decisions}


def keys_of(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, object]]:
    """Give every key of a sweep file with its default; None where it has none."""
    for name, field in model.model_fields.items():
        inner = {"data": DataSettings, "final": Final}.get(name, field.annotation)
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from keys_of(inner, f"{name}.")
        elif name != "space":  # a sweep package's own
            yield prefix + name, None if field.is_required() else field.default


def documented_keys() -> Iterator[tuple[str, str]]:
    """Give every key of the table in docs/sweep_file.md with its default."""
    for row in re.findall(r"^\| (`.+) \|$", SWEEP_FILE, re.MULTILINE):
        first, default, _ = (cell.strip() for cell in row.replace("`", "").split("|"))
        names, defaults = first.split(", "), default.split(", ")
        section = names[0].partition(".")[0]
        for place, name in enumerate(names):
            if not name.endswith("*"):
                yield (section + name if name[0] == "." else name), defaults[place if len(defaults) > 1 else 0]


def test_every_key_of_a_sweep_file_is_documented_with_its_default() -> None:
    documented = dict(documented_keys())
    keys = dict(keys_of(SweepConfig))
    assert documented.keys() == keys.keys()
    for key, default in keys.items():
        if default is not None:
            assert documented[key] == str(default).removesuffix(".0").replace("True", "true").replace("False", "false")


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


def test_the_example_in_the_documents_is_a_valid_sweep() -> None:
    example = re.search(r"```yaml\n(.*?)```", SWEEP_FILE, re.DOTALL)
    assert example is not None
    path = ROOT / "sweeps" / "documented-example.yaml"
    path.write_text(example[1], encoding="utf-8")
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
