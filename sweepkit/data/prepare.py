"""Prepare data once, and find it again by its content key.

What is prepared, and how, is the task's business; this makes sure that it is done once, and whole or not at all. Try
`prepare_once(DataPaths("toy", key), storage, build, PreparedData)`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

from sweepkit.data import leftovers
from sweepkit.data.dataset import PreparedData
from sweepkit.data.manifest import MANIFEST
from sweepkit.storage.layout import DataPaths
from sweepkit.storage.storage import Storage

Item = TypeVar("Item")
Result = TypeVar("Result")
Data = TypeVar("Data", bound=PreparedData)
# phase, done, total in any unit; total is 0 while nobody knows it
Progress = Callable[[str, int, int], None]


class TaskMapper(Protocol):
    """Where tasks run: this process, or a cluster."""

    def map(self, function: Callable[[Item], Result], items: Sequence[Item], *, describe: str) -> Iterator[Result]:
        """Apply a module-level function to every item and yield the results in the order of the items."""


def prepare_once(paths: DataPaths, storage: Storage, build: Callable[[Path], None], kind: type[Data]) -> Data:
    """Find prepared data and verify it, or have it built.

    Interrupted, it leaves nothing that looks complete, and the next call builds it anew.

    Args:
        paths: the folder of the data, by its content key.
        storage: where it is kept.
        build: fills an empty folder, the manifest last.
        kind: what a folder of the task is opened as.

    Raises:
        DataError: the source holds something wrong, or the prepared data that was found is damaged.
        InputError: the storage cannot be written.
    """
    prepared = find_prepared(paths, storage, kind)
    if prepared is not None:
        prepared.verify()
        return prepared
    storage.check_writable()
    leftovers.sweep_up(storage, paths)
    with storage.new_folder(paths.root, last=MANIFEST) as folder, leftovers.marked(folder):
        build(folder)
    return kind.open(local_folder(paths, storage))


def find_prepared(paths: DataPaths, storage: Storage, kind: type[Data]) -> Data | None:
    """Open the data of a key; None where it has not been prepared yet.

    Raises:
        DataError: its manifest is malformed or of another format.
    """
    return kind.open(local_folder(paths, storage)) if storage.exists(paths.manifest) else None


def local_folder(paths: DataPaths, storage: Storage) -> Path:
    """Return a local folder with the prepared data, copied once for each machine where the storage is a bucket."""
    return storage.local_folder(paths.root, Path(tempfile.gettempdir()) / "sweepkit-data")
