"""Prepare data once, and open it again by its content key.

A task decides what is prepared and how; this module ensures that it happens once, and completely or not at all. Try
`prepare_once(DataFolder(storage, "toy", key), build, PreparedData)`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

from sweepkit.data import leftovers
from sweepkit.data.dataset import PreparedData
from sweepkit.data.manifest import MANIFEST
from sweepkit.storage.data_folder import DataFolder

Item = TypeVar("Item")
Result = TypeVar("Result")
Data = TypeVar("Data", bound=PreparedData)
# phase, done, total in any unit; total is 0 while it is unknown
Progress = Callable[[str, int, int], None]


class TaskMapper(Protocol):
    """Where the parallel parts of preparation run: this process, or a cluster."""

    def map(self, function: Callable[[Item], Result], items: Sequence[Item], *, describe: str) -> Iterator[Result]:
        """Apply a module-level function to every item and yield the results in the order of the items."""


def prepare_once(folder: DataFolder, build: Callable[[Path], None], kind: type[Data]) -> Data:
    """Open and verify prepared data, or build it.

    An interrupted build leaves nothing that looks complete; the next call starts it again.

    Args:
        folder: of the data, by its content key.
        build: fills an empty folder, the manifest last.
        kind: what the task opens a folder as.

    Raises:
        DataError: the source is malformed, or the existing data is damaged.
        InputError: the storage cannot be written.
    """
    prepared = find_prepared(folder, kind)
    if prepared is not None:
        prepared.verify()
        return prepared
    folder.storage.check_writable()
    leftovers.delete(folder)
    with folder.storage.new_folder(folder.paths.root, last=MANIFEST) as unfinished, leftovers.marked(unfinished):
        build(unfinished)
    return kind.open(folder.local_folder())


def find_prepared(folder: DataFolder, kind: type[Data]) -> Data | None:
    """Open prepared data; None if it has not been prepared yet.

    Raises:
        DataError: its manifest is malformed or of another format.
    """
    return kind.open(folder.local_folder()) if folder.exists() else None
