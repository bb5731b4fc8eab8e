"""A small source of texts that need no file, and preparing it. Imported by the tests of this folder."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from sweepkit.data.prepare import Progress
from sweepkit.runners.inline import InlineMapper
from sweepkit.storage.storage import Storage
from sweepkit.tasks.text.dataset import PreparedTexts
from sweepkit.tasks.text.prepare import prepare_texts
from sweepkit.tasks.text.recipe import Recipe
from sweepkit.tasks.text.source import LabelledTexts
from sweepkit.tasks.text.word_vectors import VectorFile

WORDS = ("film", "plot", "actor", "scene", "music", "camera", "great", "poor", "long", "short")


@dataclass(frozen=True)
class MadeUp:
    """Texts of 2 to 12 words; every tenth repeats the one before it with other markup."""

    n_rows: int = 240
    seed: int = 0
    vectors: Mapping[int, VectorFile] = field(default_factory=dict)
    replaced: Mapping[int, str] = field(default_factory=dict)

    def digest(self) -> str:
        return f"made-up-{self.n_rows}-{self.seed}-{[file.digest() for file in self.vectors.values()]}"

    def describe(self) -> str:
        return "made-up texts"

    def read(self, progress: Progress) -> LabelledTexts:
        rng = random.Random(self.seed)
        texts = [f"{' '.join(rng.choices(WORDS, k=rng.randint(1, 11)))} w{i}" for i in range(self.n_rows)]
        labels = [i % 2 for i in range(self.n_rows)]
        for i in range(12, self.n_rows, 10):
            texts[i], labels[i] = f"{texts[i - 2]}<br />", labels[i - 2]
        for i, text in self.replaced.items():
            texts[i] = text
        is_test = np.arange(self.n_rows) % 4 == 3
        places = [f"row {i + 1}" for i in range(self.n_rows)]
        return LabelledTexts(texts, np.array(labels, np.int8), is_test, places)


RECIPE = Recipe(
    package="toy",
    label_names=("no", "yes"),
    vocab_size=12,
    min_frequency=2,
    lower=True,
    valid_fraction=0.25,
    seed=3,
    vector_dims=(),
)


def prepare(storage: Storage, source: MadeUp | None = None, *, mapper: Any = None, **changes: Any) -> PreparedTexts:
    """Prepare with the defaults, quietly."""
    return prepare_texts(
        replace(RECIPE, **changes),
        source or MadeUp(),
        storage=storage,
        mapper=mapper or InlineMapper(),
        progress=lambda *_: None,
    )


@dataclass
class InterruptedMapper:
    """Stops like Ctrl-C at a given call of `map`, after its first result."""

    at_call: int
    calls: int = 0

    def map(self, function: Callable[[Any], Any], items: Sequence[Any], *, describe: str) -> Iterator[Any]:
        self.calls += 1
        yield function(items[0])
        if self.calls == self.at_call:
            raise KeyboardInterrupt
        yield from map(function, items[1:])


def files_below(folder: Path) -> list[str]:
    """Every file, hidden ones too."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
