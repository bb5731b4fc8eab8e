"""The shape of the sources: which layer imports which, who may import what, and how light the first commands are."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "sweepkit").rglob("*.py"))

# from the bottom up; a module may import from its own layer and those before it
LAYERS = {
    "values": {
        "",
        "errors",
        "storage_faults",
        "wording",
        "params",
        "space",
        "config_yaml",
        "config_problems",
        "config",
        "paths",
        "provenance",
        "reports",
        "redaction",
        "faults",
        "final_result",
    },
    "rules": {
        "package",
        "problem",
        "study",
        "journal",
        "mending",
        "evolution",
        "stopping",
        "budget",
        "leaderboard",
        "tasks",
        "statistics",
        "reopening",
        "choosing",
        "spending",
    },
    "worker": {
        "training",
        "checkpoints",
        "storage",
        "storage_uris",
        "devices",
        "keras_import",
        "data",
        "nn",
        "predictions",
        "bundle",
        "evaluation",
        "linear",
        "explain",
        "serving",
    },
    "adapters": {"ray_tune", "tracking", "inline"},
    "composition": {
        "sweep",
        "folders",
        "referee",
        "cudnn_check",
        "snapshot",
        "preparing",
        "recording",
        "final",
        "winner",
        "finalists",
        "judging",
        "report",
        "pulling",
        "comparing",
        "locking",
        "syncing",
    },
    "command": {"cli", "commands", "__main__"},
}
# a library -> the parts of sweepkit that may import it
OWNERS = {
    "ray": {"ray_tune"},
    "mlflow": {"tracking"},
    "optuna": {"study", "journal", "evolution", "reopening", "choosing", "report"},
    "plotly": {"report"},
    "matplotlib": {"report", "explain"},
    "sklearn": {"linear"},
    "scipy": {"statistics", "linear"},
    "tensorflow": LAYERS["worker"],
    "keras": LAYERS["worker"],
    "pyarrow": LAYERS["worker"] | {"report"},
    "nltk": LAYERS["worker"],
    "punkt": LAYERS["worker"],
    "rich": {"commands"},
    "click": {"cli", "commands"},
}
HEAVY = (
    "tensorflow",
    "keras",
    "ray",
    "mlflow",
    "optuna",
    "pyarrow",
    "nltk",
    "numpy",
    "pandas",
    "rich.live",
    "scipy",
    "sklearn",
    "matplotlib",
    "plotly",
)


def part_of(path: Path) -> str:
    """Return the module or subpackage directly under sweepkit that a file belongs to."""
    first = path.relative_to(ROOT / "sweepkit").parts[0]
    return "" if first == "__init__.py" else first.removesuffix(".py")


def layer_of(part: str) -> int:
    for height, parts in enumerate(LAYERS.values()):
        if part in parts:
            return height
    raise AssertionError(f"sweepkit/{part} belongs to no layer: add it to LAYERS")


def imports_of(path: Path) -> list[tuple[int, str]]:
    """Return (line, dotted name) of everything a file imports, inside functions too; not what only mypy reads."""
    found: list[tuple[int, str]] = []
    pending: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            pending += node.orelse
            continue
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: write the whole name"
            found += [(node.lineno, f"{node.module}.{alias.name}") for alias in node.names]
        pending += ast.iter_child_nodes(node)
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_down_the_layers_only(path: Path) -> None:
    height = layer_of(part_of(path))
    for line, name in imports_of(path):
        names = name.split(".")
        if names[0] != "sweepkit":
            continue
        below = names[1] if len(names) > 1 and names[1] != "__version__" else ""
        assert layer_of(below) <= height, f"{path}:{line}: imports {name}, which is in a higher layer"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_libraries_are_imported_by_their_owners_only(path: Path) -> None:
    for line, name in imports_of(path):
        owners = OWNERS.get(name.split(".")[0])
        assert owners is None or part_of(path) in owners, f"{path}:{line}: {name} is not for this module"


def test_the_framework_knows_nothing_of_its_first_problem() -> None:
    words = re.compile("imdb|review|sentiment", re.IGNORECASE)
    for path in sorted((ROOT / "sweepkit").rglob("*")):
        if path.is_file() and path.suffix != ".pyc":
            assert not words.search(str(path.relative_to(ROOT)))
            assert not words.search(path.read_text(encoding="utf-8")), path


def test_only_commands_print() -> None:
    for path in SOURCES:
        if part_of(path) in LAYERS["command"]:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            is_print = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
            assert not is_print, f"{path}:{node.lineno}: only commands print"


def test_nothing_is_unpickled() -> None:
    for path in SOURCES:
        for line, name in imports_of(path):
            assert name.split(".")[0] not in ("pickle", "dill", "cloudpickle", "joblib", "shelve"), f"{path}:{line}"


def test_functions_are_short() -> None:
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                length = (node.end_lineno or 0) - node.lineno + 1
                assert length <= 50, f"{path}:{node.lineno}: {node.name} has {length} lines"


@pytest.mark.parametrize("module", ["sweep", "final"])
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
        "from sweepkit.cli.app import main\n"
        "atexit.register(lambda: print('\\nmodules', *sys.modules))\n"
        "main(sys.argv[1:])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    modules = set(done.stdout.rpartition("\nmodules ")[2].split())
    assert "sweepkit.cli.app" in modules, done.stderr
    assert modules.isdisjoint(HEAVY)
    assert done.returncode == (2 if arguments == ["nonsense"] else 0)
