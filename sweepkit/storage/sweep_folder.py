"""A sweep's folder in the storage, which whatever reads or writes a sweep takes as an argument.

The final stage of a sweep is a folder of the same kind inside it. Try
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
    """One trial's folder in a storage."""

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
        """The name in messages and in MLflow: `cells`, or `cells/final`."""
        return f"{self.sweep}/{self.stage}" if self.stage else self.sweep

    @property
    def final(self) -> SweepFolder:
        """The final stage of this sweep."""
        return SweepFolder(self.storage, self.sweep, "final")

    @property
    def whole(self) -> SweepFolder:
        """The sweep that a final stage belongs to; for a sweep, the sweep itself."""
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
        """Return whether there is a manifest; a sweep that has begun has a journal too."""
        return self.storage.exists(self.paths.manifest)

    def has_begun(self) -> bool:
        return self.storage.exists(self.paths.journal)

    def manifest(self) -> SweepManifest:
        """Read and check the manifest; that of a final stage is completed by what it shares with its sweep.

        Raises:
            DataError: it is missing, malformed, or has settings that are not valid.
        """
        own = self._own_manifest()
        return own.within(self.whole.manifest()) if self.stage else own

    def write(self, manifest: SweepManifest) -> None:
        """Write the manifest; that of a final stage without what it shares with its sweep."""
        self.storage.write_json(self.paths.manifest, manifest.to_json())

    def update(self, **changes: Any) -> None:  # the attributes' own types
        """Change some values of the manifest."""
        # read again, so that values which another command has changed meanwhile are kept
        self.write(self._own_manifest().changed(**changes))

    def _own_manifest(self) -> SweepManifest:
        name, is_stage = self.paths.manifest, self.stage is not None
        try:
            manifest = SweepManifest.from_json(self.storage.read_json(name), is_stage=is_stage)
            manifest.config  # noqa: B018  # raises if the settings are not valid
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            reason = "it is missing" if isinstance(error, FileNotFoundError) else str(error).partition("\n")[0]
            raise DataError(
                f"the sweep's manifest cannot be used: {reason}; restore it from a backup, or start a sweep with "
                "another name",
                where=self.shown(name),
            ) from None
        return manifest


def sweep_folders(storage: Storage, sweep: str) -> list[SweepFolder]:
    """Return the folders of the sweeps of one name that have begun, oldest first: `name`, `name-2`, …

    A manifest alone is not a sweep yet: preparing its data may have failed, and the next run may use other data.
    """
    folders: list[SweepFolder] = []
    while (folder := SweepFolder(storage, f"{sweep}-{len(folders) + 1}" if folders else sweep)).has_begun():
        folders.append(folder)
    return folders
