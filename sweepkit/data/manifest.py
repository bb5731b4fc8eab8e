"""The manifest of prepared data: which files a folder holds, and what they were made of.

A task adds fields of its own in a subclass. Try `parse_manifest(json.loads(text), Manifest, where="manifest.json")`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Self, TypeVar

from sweepkit.errors import DataError
from sweepkit.storage.digests import FileInfo

# to be raised with every change of what is written: the layout, or the rules by which a task prepares rows
FORMAT = 2
MANIFEST = "manifest.json"
SPLITS = ("train", "valid", "test")

_PLAIN = re.compile(r"[\w-][\w.-]{0,199}")

M = TypeVar("M", bound="Manifest")


@dataclass(frozen=True, slots=True)
class ShardInfo(FileInfo):
    """One file of records."""

    rows: int
    tokens: int


@dataclass(frozen=True, kw_only=True)
class SplitInfo:
    """One split.

    Attributes:
        rows: number of rows.
        lengths: tokens of a row: "mean", "median", "p90", "p95", "p99" and "max"; empty for a split without rows.
        files: the shards, in order.
    """

    rows: int
    lengths: Mapping[str, float]
    files: tuple[ShardInfo, ...]

    @classmethod
    def from_json(cls, data: Any) -> Self:  # JSON as read
        """Rebuild a split from `Manifest.to_json`; KeyError or TypeError for other JSON."""
        return cls(**cls.parsed(data))

    @classmethod
    def parsed(cls, data: Any) -> dict[str, Any]:  # JSON as read, and constructor arguments of several types
        """Return the fields of a split."""
        files = tuple(ShardInfo(**file) for file in data["files"])
        return {"rows": data["rows"], "lengths": data["lengths"], "files": files}


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What a folder of prepared data holds, and what it was made of.

    Attributes:
        format: of the files; see `FORMAT`.
        key: the content key, a function of source, settings and format.
        package: the sweep package.
        splits: "train", "valid" and "test".
        settings: everything besides the source that determines the content.
        source: a description of where the rows come from.
        source_digest: of the rows in the source.
    """

    format: int
    key: str
    package: str
    splits: Mapping[str, SplitInfo]
    settings: Mapping[str, Any]  # JSON values, shown and compared, never looked up
    source: str
    source_digest: str

    @property
    def files(self) -> Iterator[FileInfo]:
        """Every file that the folder must hold."""
        for split in self.splits.values():
            yield from split.files

    @property
    def counts(self) -> Iterator[int]:
        """Every number that must not be negative."""
        for split in self.splits.values():
            yield split.rows
            yield from (file.tokens for file in split.files)

    def profile(self, split: str) -> dict[str, Any]:  # JSON values
        """Return what the tracking store shows about a split."""
        return {"rows": self.splits[split].rows, "lengths": dict(self.splits[split].lengths)}

    def to_json(self) -> dict[str, Any]:  # a JSON object has no narrower type
        """Return the manifest as JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Any) -> Self:  # JSON as read
        """Rebuild what `to_json` returned; KeyError or TypeError for other JSON."""
        own = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in {**data, **cls.parsed(data)}.items() if name in own})

    @classmethod
    def parsed(cls, data: Any) -> dict[str, Any]:  # JSON as read, and constructor arguments of several types
        """Return the fields whose JSON is not the value itself."""
        return {"splits": {name: SplitInfo.from_json(split) for name, split in data["splits"].items()}}


def parse_manifest(data: Any, kind: type[M], *, where: str) -> M:  # JSON as read
    """Turn a manifest's JSON into the manifest of a task.

    Raises:
        DataError: it is of another format, or malformed.
    """
    version = data.get("format") if isinstance(data, dict) else None
    if version != FORMAT:
        raise DataError(
            f"prepared data must have format {FORMAT}, this has {version!r}; {remedy(Path(where).parent)}", where=where
        )
    try:
        manifest = kind.from_json(data)
        _check(manifest)
        return manifest
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise DataError(f"the manifest is malformed: {error}; {remedy(Path(where).parent)}", where=where) from None


def _check(manifest: Manifest) -> None:
    """Check the values of a manifest whose shape is right.

    Raises:
        ValueError: a file is outside of the folder, a count is negative, or a split is missing.
    """
    for file in manifest.files:
        if not isinstance(file.name, str) or not _PLAIN.fullmatch(file.name):
            raise ValueError(f"{file.name!r} is not the name of a file here")
    if wrong := [count for count in manifest.counts if not isinstance(count, int) or count < 0]:
        raise ValueError(f"{wrong[0]!r} is not a count")
    if missing := [split for split in SPLITS if split not in manifest.splits]:
        raise ValueError(f"there is no split {missing[0]!r}")


def remedy(folder: Path) -> str:
    """Return what a user can do about damaged prepared data."""
    return f"delete the folder {str(folder)!r} and run the command again"
