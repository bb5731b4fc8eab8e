"""The smallest sweep file, a search space of a toy package, and what reading them gives."""

from __future__ import annotations

from pathlib import Path

from sweepkit.config.document import Document, read_yaml
from sweepkit.config.schema import parse

SMALLEST = """\
sweep: cells
package: toy
objective: {metric: valid_accuracy, mode: max}
"""
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


def epoch_gflop(params, n_rows, mean_tokens):
    return params.get("units", 0) * n_rows * mean_tokens / 1e9
"""


def read(folder: Path, text: str, *sets: str, data: str | None = None) -> Document:
    path = folder / "sweep.yaml"
    path.write_text(text, encoding="utf-8")
    return read_yaml(path, sets, data=data)


def problems_of(folder: Path, text: str, *sets: str) -> list[str]:
    """Return the issues as `line: what`, options in full."""
    _, issues = parse(read(folder, text, *sets))
    return [str(issue).replace(f"{folder / 'sweep.yaml'}:", "") for issue in issues]
