"""The manifest of a bundle: `bundle.json`, written last, so that its presence means complete.

    model.keras       the network
    check.parquet     some rows of validation, with the model's probabilities at export
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
MANIFEST, MODEL, CHECK, CARD = "bundle.json", "model.keras", "check.parquet", "README.md"
REMEDY = "get the bundle again"
_PARAMS_KEY = "point"  # as bundles spell `params`
_PLAIN = re.compile(r"[\w-][\w.-]{0,199}")

B = TypeVar("B", bound="BundleManifest")


@dataclass(frozen=True, slots=True)
class Measured:
    """A metric of a bundled model.

    Attributes:
        name: for users: "validation accuracy, mean of 3 seeds".
        value: of the metric.
        low: lower end of its 95 % interval; None if it has none.
        high: upper end.
        n: rows or runs behind the value; None if not applicable.
    """

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    n: int | None = None


@dataclass(frozen=True, slots=True)
class CheckResult:
    """Results on the rows of `check.parquet`: their number, how many are right, and the mean log loss."""

    rows: int
    correct: int
    loss: float


@dataclass(frozen=True, kw_only=True)
class BundleManifest:
    """Origin, metrics and files of a bundled model.

    Attributes:
        package: the sweep package that built the model.
        sweep: the sweep that it comes from.
        trial: its number in the sweep.
        epoch: of the checkpoint.
        seed: of the trial.
        params: the trial's parameters.
        data_key: the content key of the data that it was trained on.
        measured: metrics, with intervals where there are any.
        check: the results at export, which the loaded model has to reproduce.
        versions: of the packages at export.
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
        """Inputs and outputs of the model, in a sentence for the model registry."""
        return ""

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:  # JSON
        """Rebuild what `to_json` returned; KeyError or TypeError for other JSON."""
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
    """Read a bundle's manifest without its other files.

    Raises:
        DataError: the folder is not a bundle, or its manifest is malformed or of another format.
    """
    path = folder / MANIFEST
    try:
        data = json.loads(path.read_bytes())
    except FileNotFoundError:
        what = f"this folder is not a bundle: a complete bundle has a {MANIFEST}; `pull` and `final` make one"
        raise DataError(what, where=str(folder)) from None
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"this can't be read: {error}; {REMEDY}", where=str(path)) from None
    version = data.get("format") if isinstance(data, dict) else None
    if version != FORMAT:
        what = f"a bundle must have format {FORMAT}, this has {version!r}: use the version of sweepkit that made it"
        raise DataError(what, where=str(path))
    return _parsed(data, kind, path)


def listed_files(folder: Path) -> list[str]:
    """Return the names of a bundle's files for copying, `bundle.json` last; of an unreadable one only that.

    Names with folders in them are left out; loading the copy reports what is wrong with the bundle.
    """
    try:
        names = json.loads((folder / MANIFEST).read_bytes())["files"]
        return [*(name for name in names if _PLAIN.fullmatch(name) and name != MANIFEST), MANIFEST]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return [MANIFEST]


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
