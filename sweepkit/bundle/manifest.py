"""What a bundle says of itself: `bundle.json`, written last, so that its presence means complete.

    model.keras       the network
    check.parquet     some rows of validation with the probabilities that the model gave when it was exported
    README.md         the model card
    bundle.json       `BundleManifest`

A task adds files and fields of its own. Values only. Try `read_manifest(folder, BundleManifest).params`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, ClassVar, Self, TypeVar

from sweepkit.errors import DataError
from sweepkit.space import Value
from sweepkit.storage.digests import file_info

FORMAT = 1
FACTS, MODEL, CHECK, CARD = "bundle.json", "model.keras", "check.parquet", "README.md"
REMEDY = "get the bundle again"
_PARAMS_KEY = "point"  # as bundles spell `params`
_PLAIN = re.compile(r"[\w-][\w.-]{0,199}")

B = TypeVar("B", bound="BundleManifest")


@dataclass(frozen=True, slots=True)
class Measured:
    """A figure that was measured.

    Attributes:
        name: what of, in a user's words: "validation accuracy, mean of 3 seeds".
        value: the figure.
        low: lower end of its 95 % interval; None when there is none.
        high: upper end.
        n: rows or runs that it rests on; None when that says nothing.
    """

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    n: int | None = None


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What the model gave on the rows of `check.parquet`: their number, how many were right, and the mean log loss."""

    rows: int
    correct: int
    loss: float


@dataclass(frozen=True, kw_only=True)
class BundleManifest:
    """All that is known of a bundled model.

    Attributes:
        package: the sweep package that built the model.
        sweep: the sweep that it comes from.
        trial: which trial of it.
        epoch: of the checkpoint.
        seed: of the trial.
        params: the trial's parameters.
        data_key: the content key of the data that it was trained on.
        measured: metrics, with intervals where there are any.
        check: the figures that loading must give again.
        versions: of the packages that it was made with.
        commit: of the code; None outside a repository.
        created: ISO time, UTC.
        files: the SHA-256 of every other file, by name.
        format: of the folder.
    """

    # files that every bundle of this kind has beside bundle.json
    own_files: ClassVar[tuple[str, ...]] = (MODEL, CHECK, CARD)

    package: str
    sweep: str
    trial: int
    epoch: int
    seed: int
    params: Mapping[str, Value]
    data_key: str
    measured: tuple[Measured, ...]
    check: CheckResult
    versions: Mapping[str, str]
    commit: str | None
    created: str
    files: Mapping[str, str]
    format: int = FORMAT

    def to_json(self) -> dict[str, Any]:  # a JSON object has no narrower type
        return {_PARAMS_KEY if name == "params" else name: value for name, value in asdict(self).items()}

    @property
    def summary(self) -> str:
        """What the model takes and gives, in a sentence for the model registry."""
        return ""

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:  # JSON
        """Rebuild what `to_json` returned; KeyError or TypeError if it is something else."""
        own = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in {**data, **cls.parsed(data)}.items() if name in own})

    @classmethod
    def parsed(cls, data: Mapping[str, Any]) -> dict[str, Any]:  # JSON, and constructor arguments of several types
        """Return the fields whose JSON is not the value itself."""
        return {
            "params": data[_PARAMS_KEY],
            "measured": tuple(Measured(**figure) for figure in data["measured"]),
            "check": CheckResult(**data["check"]),
        }


def opened(folder: Path, kind: type[B]) -> B:
    """Read a bundle's manifest and compare its files with their checksums.

    Raises:
        DataError: the folder is not a bundle, or one of another format, incomplete or damaged; names the file.
    """
    manifest = read_manifest(folder, kind)
    for name, sha256 in manifest.files.items():
        _verify(folder / name, sha256)
    return manifest


def read_manifest(folder: Path, kind: type[B]) -> B:
    """Read what a bundle says of itself, and look at nothing else.

    Raises:
        DataError: there is no bundle, or none of this format.
    """
    path = folder / FACTS
    try:
        data = json.loads(path.read_bytes())
    except FileNotFoundError:
        what = f"this folder is not a bundle: a complete bundle has a {FACTS}; `pull` and `final` make one"
        raise DataError(what, where=str(folder)) from None
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"this can't be read: {error}; {REMEDY}", where=str(path)) from None
    version = data.get("format") if isinstance(data, dict) else None
    if version != FORMAT:
        what = f"a bundle must have format {FORMAT}, this has {version!r}: use the version of sweepkit that made it"
        raise DataError(what, where=str(path))
    return _parsed(data, kind, path)


def listed_files(folder: Path) -> list[str]:
    """Return the files of a bundle that is about to be copied, `bundle.json` last; of an unreadable one only that.

    A name that is not a plain one is left out: whoever loads the bundle then finds out what is wrong with it.
    """
    try:
        names = json.loads((folder / FACTS).read_bytes())["files"]
        return [*(name for name in names if _PLAIN.fullmatch(name) and name != FACTS), FACTS]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return [FACTS]


def _parsed(data: dict[str, Any], kind: type[B], path: Path) -> B:  # a JSON object
    try:
        manifest = kind.from_json(data)
        missing = [name for name in kind.own_files if name not in manifest.files]
        strange = [name for name in manifest.files if Path(name).name != name or "\0" in name]
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise DataError(f"this is malformed: {error}; {REMEDY}", where=str(path)) from None
    if missing or strange:
        what = f"this must list the bundle's own files, it lists {', '.join(manifest.files) or 'none'}; {REMEDY}"
        raise DataError(what, where=str(path))
    return manifest


def _verify(path: Path, sha256: str) -> None:
    if not path.is_file():
        raise DataError(f"this file of the bundle is missing; {REMEDY}", where=str(path))
    if file_info(path).sha256 != sha256:
        raise DataError(f"this file was damaged or changed, it differs from its checksum; {REMEDY}", where=str(path))
