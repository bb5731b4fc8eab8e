"""A sweep's data: its content key, and its preparation, once. How is up to the sweep package and its task.

Try `find_data(definition).prepare(storage, runner, progress)`.
"""

from __future__ import annotations

from sweepkit.config.definition import SweepDefinition
from sweepkit.tasks.interface import FoundData
from sweepkit.tasks.lookup import task_of


def find_data(definition: SweepDefinition) -> FoundData:
    """Find the data of a sweep and its content key, reading as little of it as possible.

    Raises:
        DataError: the data is missing or cannot be read.
    """
    return task_of(definition.config.package).find_data(definition.package, definition.data, definition.space)
