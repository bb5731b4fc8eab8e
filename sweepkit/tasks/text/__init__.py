"""Labelled text as a task: texts to shards with a vocabulary, evaluation by accuracy, bundles that take raw text.

These names are for a sweep package's data.py. Each is imported when it is used first, because NumPy and pyarrow take
half a second, for which commands like `--help` must not wait. The modules below are private.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sweepkit.tasks.text import tables
    from sweepkit.tasks.text.dataset import PreparedTexts
    from sweepkit.tasks.text.recipe import Recipe
    from sweepkit.tasks.text.source import LabelledTexts, Source
    from sweepkit.tasks.text.vocabulary import Vocabulary
    from sweepkit.tasks.text.word_vectors import VectorFile, find_vectors

_MODULES = {
    "LabelledTexts": "source",
    "PreparedTexts": "dataset",
    "Recipe": "recipe",
    "Source": "source",
    "VectorFile": "word_vectors",
    "Vocabulary": "vocabulary",
    "find_vectors": "word_vectors",
}

__all__ = [
    "LabelledTexts",
    "PreparedTexts",
    "Recipe",
    "Source",
    "VectorFile",
    "Vocabulary",
    "find_vectors",
    "tables",
]


def __getattr__(name: str) -> Any:  # the names are of several types
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
