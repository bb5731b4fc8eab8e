"""A sweep's folder in the storage: the one handle that everything takes that reads or writes a sweep.

The final stage of a sweep is a folder of the same kind inside of it. Try
`SweepFolder(Storage.at("runs"), "cells").manifest().created`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sweepkit.errors import DataError
from sweepkit.storage.layout import SweepPaths, TrialPaths
from sweepkit.storage.manifest import SweepManifest
from sweepkit.storage.storage import Storage


@dataclass(frozen=True)
class TrialFolder:
    """What one trial keeps, and where."""

    storage: Storage
    paths: TrialPaths

    def shown(self, name: str) -> str:
        """Return a name of `paths` as messages show it."""
        return f"{self.storage.shown}/{name}"


@dataclass(frozen=True)
class SweepFolder:
    """A sweep, or its final stage, in a storage.

    Attributes:
        storage: the root of all sweeps.
        sweep: the sweep's name.
        stage: "final" for the final stage.
    """

    storage: Storage
    sweep: str
    stage: str | None = None

    @property
    def paths(self) -> SweepPaths:
        return SweepPaths(self.sweep, self.stage)

    @property
    def title(self) -> str:
        """What messages and MLflow call it: `cells`, or `cells/final`."""
        return f"{self.sweep}/{self.stage}" if self.stage else self.sweep

    @property
    def final(self) -> SweepFolder:
        """The final stage of this sweep."""
        return SweepFolder(self.storage, self.sweep, "final")

    @property
    def whole(self) -> SweepFolder:
        """The sweep that a final stage belongs to; a sweep itself."""
        return SweepFolder(self.storage, self.sweep)

    @property
    def local(self) -> Path | None:
        """The folder on this machine; None in a bucket."""
        return self.storage.path(self.paths.root) if self.storage.local is not None else None

    def trial(self, number: int) -> TrialFolder:
        return TrialFolder(self.storage, self.paths.trial(number))

    def shown(self, name: str | None = None) -> str:
        """Return a name of `paths`, or the folder itself, as messages show it."""
        return f"{self.storage.shown}/{name or self.paths.root}"

    def exists(self) -> bool:
        """Whether there is a manifest; a sweep that has begun has a journal too."""
        return self.storage.exists(self.paths.manifest)

    def has_begun(self) -> bool:
        return self.storage.exists(self.paths.journal)

    def manifest(self) -> SweepManifest:
        """Read and check the manifest; a final stage's has what it shares with its sweep, too.

        Raises:
            DataError: it is missing, malformed, or describes a sweep that cannot exist.
        """
        own = self._own_manifest()
        return own.within(self.whole.manifest()) if self.stage else own

    def write(self, manifest: SweepManifest) -> None:
        """Write the first manifest; of a final stage, one without what is the sweep's."""
        self.storage.write_json(self.paths.manifest, manifest.to_json())

    def update(self, **changes: Any) -> None:  # the attributes' own types
        """Write into the manifest what has become known."""
        self.write(self._own_manifest().changed(**changes))

    def _own_manifest(self) -> SweepManifest:
        name, is_stage = self.paths.manifest, self.stage is not None
        try:
            manifest = SweepManifest.from_json(self.storage.read_json(name), is_stage=is_stage)
            manifest.config  # noqa: B018  # raises where the settings are wrong
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            reason = "it is missing" if isinstance(error, FileNotFoundError) else str(error).partition("\n")[0]
            raise DataError(
                f"the sweep's manifest cannot be used: {reason}; put it back from a backup, or start with another name",
                where=self.shown(name),
            ) from None
        return manifest


def sweep_folders(storage: Storage, sweep: str) -> list[SweepFolder]:
    """Return the folders of the sweeps of one name that have begun, oldest first: `name`, `name-2`, …

    A manifest alone is not a sweep yet: its data may have turned out to be wrong, and the next run may correct that.
    """
    folders: list[SweepFolder] = []
    while (folder := SweepFolder(storage, f"{sweep}-{len(folders) + 1}" if folders else sweep)).has_begun():
        folders.append(folder)
    return folders
