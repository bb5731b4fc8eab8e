"""A sweep package's texts, located and with their content key. The package chooses the source and the recipe.

Try `find_texts(package, settings, package.space).prepare(storage, mapper, progress)`.
"""

from __future__ import annotations

from dataclasses import dataclass

from sweepkit.config.package import Package
from sweepkit.config.schema import DataSettings
from sweepkit.data.prepare import Progress, TaskMapper, find_prepared
from sweepkit.space import Space
from sweepkit.storage.data_folder import DataFolder
from sweepkit.storage.storage import Storage
from sweepkit.tasks.text.dataset import PreparedTexts
from sweepkit.tasks.text.prepare import content_key, prepare_texts
from sweepkit.tasks.text.recipe import Recipe
from sweepkit.tasks.text.source import Source


@dataclass(frozen=True)
class FoundTexts:
    """Texts that were located and not read yet; `key` identifies their content and its preparation."""

    recipe: Recipe
    source: Source
    key: str

    def is_prepared(self, storage: Storage) -> bool:
        return find_prepared(DataFolder(storage, self.recipe.package, self.key), PreparedTexts) is not None

    def prepare(self, storage: Storage, mapper: TaskMapper, progress: Progress) -> PreparedTexts:
        """Open and verify the prepared data, or prepare it.

        Raises:
            DataError: the source is malformed, or the existing data is damaged.
        """
        return prepare_texts(self.recipe, self.source, storage=storage, mapper=mapper, progress=progress)


def find_texts(package: Package, settings: DataSettings, space: Space) -> FoundTexts:
    """Locate the source of a sweep package, reading as little of it as possible.

    Raises:
        DataError: it is missing or cannot be read.
    """
    module = package.data_module()
    source: Source = module.find_source(settings, space)
    recipe: Recipe = module.recipe(settings, source)
    return FoundTexts(recipe, source, content_key(recipe, source))
