"""A sweep's data: found, given its content key, and prepared once. The sweep package knows the source and the recipe.

Try `find_data(problem).prepare(storage, runner, progress)`.
"""

from __future__ import annotations

from dataclasses import dataclass

from sweepkit.config.definition import SweepDefinition
from sweepkit.data.dataset import PreparedData
from sweepkit.data.prepare import Progress, TaskMapper, find_prepared
from sweepkit.storage.layout import DataPaths
from sweepkit.storage.storage import Storage
from sweepkit.tasks.text.prepare import content_key, prepare_texts
from sweepkit.tasks.text.recipe import Recipe
from sweepkit.tasks.text.source import Source


@dataclass(frozen=True)
class FoundData:
    """Data that was found and not read yet; `key` identifies its content and how it is to be prepared."""

    recipe: Recipe
    source: Source
    key: str

    def is_prepared(self, storage: Storage) -> bool:
        return find_prepared(DataPaths(self.recipe.package, self.key), storage) is not None

    def prepare(self, storage: Storage, mapper: TaskMapper, progress: Progress) -> PreparedData:
        """Find the prepared data and verify it, or make it.

        Raises:
            DataError: the source holds something wrong, or what was prepared is damaged.
        """
        return prepare_texts(self.recipe, self.source, storage=storage, mapper=mapper, progress=progress)


def find_data(definition: SweepDefinition) -> FoundData:
    """Ask the sweep package for its source; reads as little of it as possible.

    Raises:
        DataError: it is missing or cannot be read.
    """
    module = definition.package.data_module()
    source: Source = module.find_source(definition.data, definition.space)
    recipe: Recipe = module.recipe(definition.data, source)
    return FoundData(recipe, source, content_key(recipe, source))
