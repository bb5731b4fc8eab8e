"""What several tests need: a real sweep package and YAML in a temporary folder."""

from __future__ import annotations

import itertools
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

TOY_SPACE = """
from typing import Literal

from sweepkit.config import DataSettings
from sweepkit.space import Choice, Float, Int, Space

SPACE = Space(
    {
        "cell": Choice(("lstm", "gru", "none")),
        "units": Int(8, 64, step=8, when={"cell": ("lstm", "gru")}),
        "dropout": Float(0.0, 0.5),
        "rate": Float(1e-4, 1e-1, log=True),
        "wide": Choice((False, True)),
    }
)
MEAN_TOKENS = 10.0


class Data(DataSettings):
    vocab_size: int = 100
    keep: Literal["tail", "head"] = "tail"


def n_rows(settings):
    return 1000 if settings.source == "sample" else None


def epoch_gflop(point, n_rows, mean_tokens):
    return point.get("units", 0) * n_rows * mean_tokens / 1e9
"""

_numbers = itertools.count()


def pytest_configure() -> None:
    # a shell that starts tests in its background has them ignore Ctrl-C, and all that they start: some of them press it
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def sweep_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Path]]:
    """Write a YAML beside a toy package; `{package}` in the text becomes the package's name.

    Each call makes a package of its own name, because a process imports a name once.
    """
    monkeypatch.setattr(sys, "path", [*sys.path])
    names: list[str] = []

    def write(text: str, *, space: str = TOY_SPACE, encoding: str = "utf-8") -> Path:
        names.append(f"toy_{next(_numbers)}")
        folder = tmp_path / names[-1]
        folder.mkdir()
        (folder / "space.py").write_text(space, encoding="utf-8")
        path = tmp_path / f"{names[-1]}.yaml"
        path.write_text(text.replace("{package}", names[-1]), encoding=encoding)
        return path

    yield write
    for module in [module for module in sys.modules if module.partition(".")[0] in names]:
        del sys.modules[module]
