"""The toy's data: rows of six words out of a sunny or a rainy list."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from sweepkit.data import BatchSettings, Progress
from sweepkit.space import Params, Space
from sweepkit.tasks.text import LabelledTexts, Recipe, VectorFile

from .space import Data

WORDS = (["rain", "cloud", "storm", "mud", "cold"], ["sun", "beach", "warm", "light", "sand"])


@dataclass(frozen=True)
class Weather:
    """A source that makes its texts up, the same every time."""

    n_rows: int

    @property
    def vectors(self) -> Mapping[int, VectorFile]:
        return {}

    def digest(self) -> str:
        return f"weather-{self.n_rows}"

    def describe(self) -> str:
        return f"{self.n_rows} made-up rows"

    def read(self, progress: Progress) -> LabelledTexts:
        rng = random.Random(0)
        labels = [row % 2 for row in range(self.n_rows)]
        texts = [
            " ".join(rng.choices(WORDS[label], k=rng.randint(3, 9))) + f" w{row}" for row, label in enumerate(labels)
        ]
        is_test = np.arange(self.n_rows) % 5 == 0
        return LabelledTexts(texts, np.array(labels, np.int8), is_test, [f"row {row}" for row in range(self.n_rows)])


def find_source(settings: Data, space: Space) -> Weather:
    return Weather(settings.n_rows)


def recipe(settings: Data, source: Weather) -> Recipe:
    return Recipe(
        package="toy",
        label_names=("rainy", "sunny"),
        vocab_size=50,
        min_frequency=2,
        lower=True,
        valid_fraction=settings.valid_fraction,
        seed=settings.seed,
        vector_dims=(),
    )


def reading(params: Params, settings: Data) -> BatchSettings:
    return BatchSettings(batch_size=16, max_len=10)
