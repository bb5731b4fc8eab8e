"""The shape of the tests: where they are, what they may import, and that each says what it checks."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.support.commands import ROOT

TESTS = ROOT / "tests"
# what is not a package of sweepkit: whole sweeps, damage and kills, the example's package, the jobs
OTHER = {"end_to_end", "faults", "sweeps", "jobs"}
NO_TESTS = {"benchmarks", "goldens", "support", "toy_sweeps"}
MODULES = sorted(
    path for path in TESTS.rglob("*.py") if not {"goldens", "toy_sweeps"} & set(path.relative_to(TESTS).parts)
)
TEST_MODULES = [path for path in MODULES if path.name.startswith("test_")]


def imports_of(path: Path) -> Iterator[tuple[int, str]]:
    """Give (line, dotted name) of everything that a file imports, also inside functions and for mypy."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def functions_of(path: Path) -> Iterator[ast.FunctionDef]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            yield node


def is_visible_check(node: ast.AST) -> bool:
    """Tell whether this is an assertion, an expected error, or a call of a helper that is named after its assertion."""
    if isinstance(node, ast.Assert):
        return True
    if not isinstance(node, ast.Call):
        return False
    name = ast.unparse(node.func).rpartition(".")[2]
    return name in ("raises", "warns") or name.startswith("assert_")


def test_tests_lie_where_the_packages_do() -> None:
    packages = {path.parent.relative_to(ROOT / "sweepkit") for path in (ROOT / "sweepkit").rglob("__init__.py")}
    folders = {path.parent.relative_to(TESTS) for path in TEST_MODULES}
    strangers = {folder for folder in folders if folder.parts[:1] and folder.parts[0] not in OTHER} - packages
    assert not strangers, "folders of tests/ that are not packages of sweepkit/"
    untested = {package.parts[0] for package in packages if package.parts} - {f.parts[0] for f in folders if f.parts}
    assert not untested, "packages of sweepkit/ without a folder in tests/"


def test_what_is_no_test_lies_apart() -> None:
    helpers = {path for path in MODULES if not path.name.startswith("test_") and path.name != "conftest.py"}
    assert {path.relative_to(TESTS).parts[0] for path in helpers} <= NO_TESTS
    assert not [path for path in TEST_MODULES if path.relative_to(TESTS).parts[0] in NO_TESTS]


def test_no_test_imports_another() -> None:
    for path in MODULES:
        for line, name in imports_of(path):
            first, *rest = name.split(".")
            is_ours = first != "sweepkit" and any(p == "conftest" or p.startswith("test_") for p in (first, *rest))
            assert not is_ours, f"{path}:{line}: {name}: what two tests need belongs to tests/support"


def test_every_test_asserts_something() -> None:
    for path in TEST_MODULES:
        for test in functions_of(path):
            assert any(map(is_visible_check, ast.walk(test))), f"{path}:{test.lineno}: {test.name} asserts nothing"


def test_every_wait_has_an_end() -> None:
    for path in MODULES:
        if path.name == "waiting.py" or path.parent.name == "benchmarks":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.While):
                assert "sleep(" not in ast.unparse(node), f"{path}:{node.lineno}: wait with tests.support.waiting"
                assert not isinstance(node.test, ast.Constant), f"{path}:{node.lineno}: say when it ends"
