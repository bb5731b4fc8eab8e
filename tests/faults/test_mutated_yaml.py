"""Sweep files that went wrong in every way: each is refused with exit code 2, or is valid, and never a traceback."""

from __future__ import annotations

import contextlib
import copy
import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sweepkit.cli import app
from sweepkit.driver import estimate
from tests.support.sweep_files import TOY_SPACE

GOOD: dict[str, Any] = {
    "sweep": "cells",
    "package": "toy_mutated",
    "objective": {"metric": "valid_accuracy", "mode": "max"},
    "data": {"source": "sample", "seed": 3, "valid_fraction": 0.25, "vocab_size": 50, "keep": "tail"},
    "space": {"cell": ["lstm", "gru"], "units": {"from": 8, "to": 32, "step": 8}, "dropout": 0.2,
              "rate": {"from": 1e-3, "to": 1e-2, "log": True}, "wide": [True, False]},
    "search": {"sampler": "tpe", "trials": 9, "seed": 7},
    "stopping": {"rule": "asha", "max_epochs": 9, "grace_epochs": 1, "reduction": 3, "patience": 2, "warmup_trials": 1},
    "budget": {"hours": 1.5, "failures": 2},
    "resources": {"cpu": 1, "gpu": "auto", "workers": 2},
    "storage": {"uri": "runs", "keep": 2},
    "tracking": {"uri": None, "experiment": "cells", "enabled": False},
    "final": {"top": 2, "seeds": 2},
    "deterministic": True,
}  # fmt: skip
TEXT = yaml.safe_dump(GOOD, sort_keys=False)
VERBS = (["validate"], ["validate", "--json"], ["plan"], ["plan", "--json"])
# what has surprised readers of YAML before
SNIPPETS = (
    *("!!python/object/apply:os.system ['touch pwned']", "!!python/name:os.system", "!!binary aGk=", "!x:int 5"),
    *("!!int ''", "!!float ''", "!!bool x", "!!set {a, b}", "!!omap [a: 1]", "!!timestamp x", "<<: {a: 1}"),
    *("&a [*a]", "*a", "&a b", "2024-01-01", "1:30:00", "0x" + "f" * 5000, "9" * 5000, "0b", "1e999", ".nan", "-.inf"),
    *('"\\U99999999"', '"\\ud800"', '"\\0"', '"\\x1b[2J"', "\x85", "\u2028", "\ufeff", "\U0001f600"),
    *("---\n", "...\n", "{", "[", "]", "}", "|\n", ">\n", "- ", ": "),
    *("? [a]\n: b", "%YAML 9.9\n---\n", "\t", "#", "'", '"', "~", "null", "=", "@", "`", "\r"),
    *("../../up", "C:\\x", "/etc/passwd", "~nobody-here/x", "a" * 5000, "s3://k:s@b", "\x00", "[" * 60 + "]" * 60),
)  # fmt: skip
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([-1, 0, 2**31, 2**63 - 1, 2**63, 10**400, 1e308, float("nan"), float("inf"), -0.0])
    | st.floats()
    | st.dates()
    | st.binary(max_size=8)
    | st.text(max_size=20)
    | st.sampled_from(["", "..", "../x", "a/b", "C:", "x" * 300, "lstm", "auto", "runs", "~nobody-here", "1e3", "é"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8) | st.integers(), inner, max_size=4),
    max_leaves=6,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with the toy package in it, where commands run."""
    found = tmp_path_factory.mktemp("mutated")
    (found / "toy_mutated").mkdir()
    (found / "toy_mutated" / "space.py").write_text(TOY_SPACE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [*sys.path])
        patch.setattr(estimate, "measure_gflops", lambda: 10.0)  # a measurement takes 50 ms
        patch.chdir(found)
        yield found
    for module in [module for module in sys.modules if module.startswith("toy_mutated")]:
        del sys.modules[module]


def run(arguments: list[str]) -> tuple[int, str]:
    """Run a command as a terminal would: what it prints must have an encoding."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), pytest.raises(SystemExit) as leaving:
        app.main(arguments)
    out.flush()
    err.flush()
    assert isinstance(leaving.value.code, int)
    return leaving.value.code, err.buffer.getvalue().decode()  # type: ignore[attr-defined]  # BytesIO


def assert_refused_or_runs(folder: Path, content: bytes, verb: list[str]) -> None:
    path = folder / "sweep.yaml"
    path.write_bytes(content)
    before = sorted(folder.rglob("*"))
    code, err = run([verb[0], str(path), *verb[1:]])
    assert code in (0, 2)
    assert code == 0 or "error: " in err
    assert "Traceback" not in err
    written = [path for path in set(folder.rglob("*")) - set(before) if "__pycache__" not in path.parts]
    assert not written


@st.composite
def mutated_texts(draw: st.DrawFn) -> bytes:
    """Flip, cut, repeat and insert bytes of a good file."""
    content = bytearray(TEXT.encode())
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(content)))
        length = draw(st.integers(1, 40))
        kind = draw(st.sampled_from(("flip", "cut", "repeat", "insert", "bytes", "value", "value", "value")))
        if kind == "flip" and at < len(content):
            content[at] ^= 1 << draw(st.integers(0, 7))
        elif kind == "cut":
            del content[at : at + length]
        elif kind == "repeat":
            content[at:at] = content[at : at + length] * draw(st.integers(1, 3))
        elif kind == "bytes":
            content[at:at] = draw(st.binary(max_size=4))
        else:
            if kind == "value":  # what is written after a key
                at = max(content.find(b": ", at) + 2, 2)
                length = max(content.find(b"\n", at) - at, 0)
            content[at : at + length * (kind == "value")] = draw(st.sampled_from(SNIPPETS)).encode()
    return bytes(content)


@st.composite
def mutated_values(draw: st.DrawFn) -> bytes:
    """Put wrong values, keys and shapes into a good file's structure."""
    document = copy.deepcopy(GOOD)
    for _ in range(draw(st.integers(1, 3))):
        parent: Any = document
        key: Any = draw(st.sampled_from(list(document)))
        while isinstance(parent[key], dict | list) and parent[key] and draw(st.booleans()):
            parent = parent[key]
            key = draw(st.sampled_from(list(parent) if isinstance(parent, dict) else list(range(len(parent)))))
        kind = draw(st.sampled_from(("value", "value", "value", "delete", "rename", "wrap", "borrow")))
        if kind == "value":
            parent[key] = draw(VALUES)
        elif kind == "delete":
            del parent[key]
        elif kind == "rename" and isinstance(parent, dict):
            parent[draw(st.text(max_size=10))] = parent.pop(key)
        elif kind == "wrap":
            parent[key] = draw(
                st.sampled_from([[parent[key]], {"from": parent[key]}, {"to": parent[key], "log": True}])
            )
        else:
            parent[key] = document[draw(st.sampled_from(list(document)))] if document else None
        if not document:
            break
    try:
        return yaml.dump(document, sort_keys=False, allow_unicode=draw(st.booleans())).encode("utf-8", "surrogatepass")
    except (ValueError, RecursionError):  # a whole number that Python does not write out, a list inside of itself
        return TEXT.encode()


SETTINGS = {
    "derandomize": True,
    "database": None,
    "deadline": None,
    "suppress_health_check": [HealthCheck.too_slow, HealthCheck.data_too_large],
}


@given(content=mutated_texts(), verb=st.sampled_from(VERBS))
@settings(max_examples=50, **SETTINGS)
def test_a_damaged_file_is_refused_or_runs(folder: Path, content: bytes, verb: list[str]) -> None:
    assert_refused_or_runs(folder, content, verb)


@given(content=mutated_values(), verb=st.sampled_from(VERBS))
@settings(max_examples=50, **SETTINGS)
def test_wrong_values_are_refused_or_run(folder: Path, content: bytes, verb: list[str]) -> None:
    assert_refused_or_runs(folder, content, verb)


@pytest.mark.faults
@given(content=mutated_texts(), verb=st.sampled_from(VERBS))
@settings(max_examples=1200, **SETTINGS)
def test_1200_damaged_files_are_refused_or_run(folder: Path, content: bytes, verb: list[str]) -> None:
    assert_refused_or_runs(folder, content, verb)


@pytest.mark.faults
@given(content=mutated_values(), verb=st.sampled_from(VERBS))
@settings(max_examples=1200, **SETTINGS)
def test_files_with_1200_wrong_values_are_refused_or_run(folder: Path, content: bytes, verb: list[str]) -> None:
    assert_refused_or_runs(folder, content, verb)


KEYS = (
    "sweep",
    "package",
    "search.trials",
    "data.source",
    "space.units",
    "storage.uri",
    "tracking",
    "a.b",
    "",
    "sweep.x",
)


@given(value=st.sampled_from(SNIPPETS) | st.text(max_size=30), key=st.sampled_from(KEYS))
@settings(max_examples=40, **SETTINGS)
def test_a_wrong_override_is_refused_or_taken(folder: Path, key: str, value: str) -> None:
    path = folder / "sweep.yaml"
    path.write_text(TEXT)
    code, err = run(["validate", str(path), "--set", f"{key}={value}"])
    assert code in (0, 2)
    assert "Traceback" not in err
