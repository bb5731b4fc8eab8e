"""The folder of prepared data in a storage, which preparation fills and everything else opens.

Its name has the content key, so a folder never changes once it is complete. Try
`DataFolder(Storage.at("runs"), "toy", key).exists()`.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from sweepkit.storage.layout import DataPaths
from sweepkit.storage.storage import Storage


@dataclass(frozen=True)
class DataFolder:
    """Prepared data of one sweep package and content key.

    Attributes:
        storage: the root of all sweeps and their data.
        package: the sweep package.
        key: the content key.
    """

    storage: Storage
    package: str
    key: str

    @property
    def paths(self) -> DataPaths:
        return DataPaths(self.package, self.key)

    def shown(self, name: str | None = None) -> str:
        """Return a name of `paths`, or the folder itself, as messages show it."""
        return f"{self.storage.shown}/{name or self.paths.root}"

    def exists(self) -> bool:
        """Return whether the data is complete, which it is once it has a manifest."""
        return self.storage.exists(self.paths.manifest)

    def local_folder(self) -> Path:
        """Return the data as a local folder; of a bucket a copy, made once for each machine."""
        return self.storage.local_folder(self.paths.root, Path(tempfile.gettempdir()) / "sweepkit-data")
