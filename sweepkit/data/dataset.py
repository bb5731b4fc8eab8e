"""Prepared data on disk: shards and whatever else a task keeps, described by a manifest that is written last.

For opening and verifying; `prepare` makes it. Imports no TensorFlow. Try
`PreparedData.open(folder).manifest.splits["train"].rows`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

from sweepkit.data.manifest import MANIFEST, Manifest, parse_manifest, remedy
from sweepkit.errors import DataError
from sweepkit.storage.digests import FileInfo, file_info


@dataclass(frozen=True)
class PreparedData:
    """A complete folder of prepared data; a task's subclass has what its models are built from."""

    manifest_type: ClassVar[type[Manifest]] = Manifest

    manifest: Manifest
    folder: Path

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Read a folder's manifest; only `verify` reads the other files.

        Raises:
            DataError: the manifest is missing, malformed or of another format.
        """
        path = folder / MANIFEST
        try:
            data = json.loads(path.read_bytes())
        except FileNotFoundError:
            raise DataError("this folder holds no prepared data, its manifest is missing", where=str(path)) from None
        except (OSError, ValueError, RecursionError) as error:
            raise DataError(f"the manifest can't be read: {error}; {remedy(folder)}", where=str(path)) from None
        return cls(parse_manifest(data, cls.manifest_type, where=str(path)), folder)

    def shards(self, split: str) -> list[Path]:
        """Return the paths of a split's files, in order."""
        return [self.folder / file.name for file in self.manifest.splits[split].files]

    def verify(self) -> None:
        """Read every file and compare it with the manifest: 0.1 s for 100 MB.

        Raises:
            DataError: a file is missing or damaged; names the first one.
        """
        for file in self.manifest.files:
            _verify(self.folder / file.name, file)


def _verify(path: Path, recorded: FileInfo) -> None:
    if not path.is_file():
        raise DataError(f"this file of the prepared data is missing; {remedy(path.parent)}", where=str(path))
    now = file_info(path)
    if now.bytes != recorded.bytes:
        seen = f"has {now.bytes:,} bytes where the manifest has {recorded.bytes:,}"
    elif now.sha256 != recorded.sha256:
        seen = "differs from its checksum"
    else:
        return
    raise DataError(f"this file is damaged, it {seen}; {remedy(path.parent)}", where=str(path))
