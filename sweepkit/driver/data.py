"""A sweep's data: found, given its content key, and prepared once. The sweep package and its task know how.

Try `find_data(definition).prepare(storage, runner, progress)`.
"""

from __future__ import annotations

from sweepkit.config.definition import SweepDefinition
from sweepkit.tasks.interface import FoundData, task_of


def find_data(definition: SweepDefinition) -> FoundData:
    """Ask the sweep package for its data; reads as little of it as possible.

    Raises:
        DataError: it is missing or cannot be read.
    """
    return task_of(definition.config.package).find_data(definition.package, definition.data, definition.space)
