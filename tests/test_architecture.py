"""The shape of the sources: what imports what, who may import a library, how large things are, how light commands are.

The table of layers is the one that DESIGN.md shows.
"""

from __future__ import annotations

import ast
import functools
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "sweepkit"
SOURCES = sorted(PACKAGE.rglob("*.py"))
MODULES = {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in SOURCES}
# above all rows: the Python API, the command, and what MLflow loads by its name
TOP = {"", "__main__", "api", "serving"}
# a library -> the parts of sweepkit that may import it
OWNERS = {
    "ray": {"runners"},
    "mlflow": {"tracking"},
    "optuna": {"study", "report"},
    "plotly": {"report"},
    "matplotlib": {"report", "tasks"},
    "sklearn": {"tasks"},
    "scipy": {"results", "tasks"},
    "tensorflow": {"data", "nn", "training", "bundle", "tasks"},
    "keras": {"nn", "training", "bundle", "tasks"},
    "nltk": {"tasks"},
    "punkt": {"tasks"},
    "rich": {"cli"},
    "click": {"cli"},
    "tqdm": {"driver"},
}
HEAVY = (
    *("tensorflow", "keras", "ray", "mlflow", "optuna", "pyarrow", "nltk", "numpy", "pandas", "rich.live"),
    *("scipy", "sklearn", "matplotlib", "plotly", "tqdm"),
)


@functools.cache
def layers() -> dict[str, int]:
    """Return the row of each part of sweepkit, 0 the lowest."""
    table = re.search(r"```layers\n(.*?)```", (ROOT / "DESIGN.md").read_text(encoding="utf-8"), re.DOTALL)
    assert table is not None, "DESIGN.md has a table of layers"
    rows = [line.split() for line in table[1].splitlines()]
    return {name: int(number) for number, *names in rows for name in names} | dict.fromkeys(TOP, len(rows))


def part_of(path: Path) -> str:
    """Return the module or subpackage directly under sweepkit that a file belongs to."""
    first = path.relative_to(PACKAGE).parts[0]
    return "" if first == "__init__.py" else first.removesuffix(".py")


@functools.cache
def imports_of(path: Path) -> list[tuple[int, str, bool]]:
    """Return (line, dotted name, whether only mypy reads it) of all imports of a file, inside functions too."""
    imports: list[tuple[int, str, bool]] = []
    pending: list[tuple[ast.AST, bool]] = [(ast.parse(path.read_text(encoding="utf-8")), False)]
    while pending:
        node, is_type = pending.pop()
        if isinstance(node, ast.Import):
            imports += [(node.lineno, alias.name, is_type) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: write the whole name"
            imports += [(node.lineno, f"{node.module}.{alias.name}", is_type) for alias in node.names]
        checks_types = isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        pending += [(child, is_type or checks_types) for child in ast.iter_child_nodes(node)]
    return imports


def module_of(name: str) -> str | None:
    """Return the module of sweepkit that a dotted name is, or is in; None for what is outside of sweepkit."""
    while name and name not in MODULES:
        name = name.rpartition(".")[0]
    return name or None


def functions() -> list[tuple[Path, ast.FunctionDef]]:
    return [
        (path, node)
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef)
    ]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_package_imports_only_packages_of_lower_rows(path: Path) -> None:
    own = part_of(path)
    for line, name, _ in imports_of(path):
        module = module_of(name)
        if module is None or name in ("sweepkit", "sweepkit.__version__"):
            continue
        other = part_of(MODULES[module])
        is_lower = other == own or layers()[other] < layers()[own] or (own, other) == ("", "api")
        assert is_lower, f"{path}:{line}: {own or 'sweepkit'} must not import {name}, which is in a higher or equal row"


def test_no_modules_import_each_other_in_a_circle() -> None:
    """Imports inside functions count, and those that only mypy reads."""
    arrows = {
        name: {module for _, imported, _ in imports_of(path) if (module := module_of(imported))}
        for name, path in MODULES.items()
        if name != "sweepkit"  # its names are looked up when they are asked for
    }
    state: dict[str, str] = {}

    def visit(name: str, way: tuple[str, ...]) -> None:
        assert state.get(name) != "open", f"a circle: {' -> '.join((*way[way.index(name) :], name))}"
        if name in state or name not in arrows:
            return
        state[name] = "open"
        for other in sorted(arrows[name] - {name}):
            visit(other, (*way, name))
        state[name] = "done"

    for name in arrows:
        visit(name, ())


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_libraries_are_imported_by_their_owners_only(path: Path) -> None:
    for line, name, is_type in imports_of(path):
        owners = OWNERS.get(name.split(".")[0])
        assert is_type or owners is None or part_of(path) in owners, f"{path}:{line}: {name} is not for this module"


def test_the_first_folder_is_small() -> None:
    packages = [path.parent.name for path in PACKAGE.glob("*/__init__.py")]
    modules = [path.name for path in PACKAGE.glob("*.py")]
    assert len(packages) <= 17, sorted(packages)
    assert len(modules) <= 8, sorted(modules)


def test_no_file_is_named_after_a_neighbour() -> None:
    for path in SOURCES:
        neighbours = {other.stem for other in path.parent.glob("*.py")} | {path.parent.name}
        carried = [name for name in neighbours if path.stem.startswith(f"{name}_") and name != "__init__"]
        assert not carried, f"{path} carries the name of {carried[0]}"
        assert not path.stem.endswith("_more"), path


def test_files_and_functions_are_short() -> None:
    for path in SOURCES:
        length = len(path.read_text(encoding="utf-8").splitlines())
        assert length <= 250, f"{path} has {length} lines"
    for path, node in functions():
        length = (node.end_lineno or 0) - node.lineno + 1
        assert length <= 50, f"{path}:{node.lineno}: {node.name} has {length} lines"


def test_functions_take_few_parameters() -> None:
    """Commands have as many as they have options, a scan as many as it has tensors."""
    for path, node in functions():
        names = [one.arg for one in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
        names = [name for name in names if name not in ("self", "cls")]
        assert len(names) <= 6 or part_of(path) in ("cli", "nn"), (
            f"{path}:{node.lineno}: {node.name} takes {len(names)}"
        )


def test_the_framework_knows_nothing_of_its_first_problem() -> None:
    words = re.compile("imdb|review|sentiment", re.IGNORECASE)
    for path in sorted(PACKAGE.rglob("*")):
        if path.is_file() and path.suffix != ".pyc":
            assert not words.search(str(path.relative_to(ROOT)))
            assert not words.search(path.read_text(encoding="utf-8")), path


def test_only_commands_print() -> None:
    for path in SOURCES:
        if part_of(path) in ("cli", "__main__"):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            is_print = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
            assert not is_print, f"{path}:{node.lineno}: only commands print"


def test_nothing_is_unpickled() -> None:
    for path in SOURCES:
        for line, name, _ in imports_of(path):
            assert name.split(".")[0] not in ("pickle", "dill", "cloudpickle", "joblib", "shelve"), f"{path}:{line}"


@pytest.mark.parametrize("module", ["driver.run", "final.stage"])
@pytest.mark.slow
def test_a_driver_leaves_heavy_libraries_to_its_workers(module: str) -> None:
    program = f"import sys, sweepkit.{module}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert set(done.stdout.split()).isdisjoint(("tensorflow", "keras", "sklearn", "scipy", "mlflow", "ray"))


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["validate", "--help"], ["validate", "sweeps/imdb_cells.yaml"], ["nonsense"]],
    ids=" ".join,
)
def test_the_first_commands_import_nothing_heavy(arguments: list[str]) -> None:
    program = (
        "import sys, atexit\n"
        "from sweepkit.cli import main\n"
        "atexit.register(lambda: print('\\nmodules', *sys.modules))\n"
        "main(sys.argv[1:])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    modules = set(done.stdout.rpartition("\nmodules ")[2].split())
    assert "sweepkit.cli" in modules, done.stderr
    assert modules.isdisjoint(HEAVY)
    assert done.returncode == (2 if arguments == ["nonsense"] else 0)


def test_only_text_knows_that_a_row_is_a_text() -> None:
    """Whatever else names `tasks.text` is a verb for texts, what Python code and MLflow load models by, or a door."""
    doors = {"cli/predict.py", "cli/explain.py", "api.py", "serving.py", "tasks/lookup.py"}
    for path in SOURCES:
        own = path.relative_to(PACKAGE).as_posix()
        for line, name, _ in imports_of(path):
            is_text = f"{name}.".startswith("sweepkit.tasks.text.")
            assert not is_text or own.startswith("tasks/text/") or own in doors, f"{path}:{line}: imports {name}"
    words = re.compile("vocabulary|label_names|label_counts|word_vectors", re.IGNORECASE)
    general = {"driver", "final", "results", "report", "runners", "tracking", "training", "data", "study", "trial"}
    for path in SOURCES:
        if part_of(path) in general:
            found = words.search(path.read_text(encoding="utf-8"))
            assert not found, f"{path}: {found[0] if found else ''} belongs to tasks/text"
