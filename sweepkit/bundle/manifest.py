"""What a bundle says of itself: `bundle.json`, written last, so that its presence means complete.

    model.keras       the network: {"token_indexes": <int32>[batch, time], "sequence_length": <int32>[batch]}
                      -> <float32>[batch, 1] (probability of the second label) or [batch, labels]
    vocabulary.txt    one word a line, see `data.vocabulary`
    check.parquet     some rows of validation with the probabilities that the model gave when it was exported
    README.md         the model card
    bundle.json       `BundleManifest`

Values only. Try `BundleManifest.from_json(json.loads(path.read_text())).label_names`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from sweepkit.errors import DataError
from sweepkit.space import Value
from sweepkit.storage.digests import file_info

FORMAT = 1
FACTS, MODEL, VOCABULARY, CHECK, CARD = "bundle.json", "model.keras", "vocabulary.txt", "check.parquet", "README.md"
_PARAMS_KEY = "point"  # as bundles spell `params`


@dataclass(frozen=True, slots=True)
class TextSettings:
    """How raw text becomes token indexes.

    Attributes:
        lower: whether capitals are folded.
        max_len: tokens that the model reads, the end token included.
        keep: which end of a longer text is read.
    """

    lower: bool
    max_len: int
    keep: Literal["tail", "head"]


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


@dataclass(frozen=True, slots=True)
class BundleManifest:
    """All that is known of a bundled model.

    Attributes:
        package: the sweep package that built the model.
        sweep: the sweep that it comes from.
        trial: which trial of it.
        epoch: of the checkpoint.
        seed: of the trial.
        params: the trial's parameters.
        label_names: by target.
        text: how raw text is read.
        data_key: the content key of the data that it was trained on.
        measured: metrics, with intervals where there are any.
        check: the figures that loading must give again.
        versions: of the packages that it was made with.
        commit: of the code; None outside a repository.
        created: ISO time, UTC.
        files: the SHA-256 of every other file, by name.
        format: of the folder.
    """

    package: str
    sweep: str
    trial: int
    epoch: int
    seed: int
    params: Mapping[str, Value]
    label_names: tuple[str, ...]
    text: TextSettings
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

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> BundleManifest:  # as above
        """Rebuild what `to_json` returned; KeyError or TypeError if it is something else."""
        fixed = {
            "params": data[_PARAMS_KEY],
            "label_names": tuple(data["label_names"]),
            "text": TextSettings(**data["text"]),
            "measured": tuple(Measured(**figure) for figure in data["measured"]),
            "check": CheckResult(**data["check"]),
        }
        rest = {name: value for name, value in data.items() if name != _PARAMS_KEY}
        return cls(**{**rest, **fixed})


REMEDY = "get the bundle again"


def opened(folder: Path) -> BundleManifest:
    """Read a bundle's facts and compare its files with their checksums.

    Raises:
        DataError: it is no bundle, of another format, incomplete or damaged; names the file.
    """
    facts = read_facts(folder)
    for name, sha256 in facts.files.items():
        _verify(folder / name, sha256)
    return facts


def read_facts(folder: Path) -> BundleManifest:
    """Read what a bundle says of itself, and look at nothing else.

    Raises:
        DataError: there is no bundle, or none of this format.
    """
    path = folder / FACTS
    try:
        data = json.loads(path.read_bytes())
    except FileNotFoundError:
        what = f"this folder is no bundle: a complete bundle has a {FACTS}; `pull` and `final` make one"
        raise DataError(what, where=str(folder)) from None
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"this can't be read: {error}; {REMEDY}", where=str(path)) from None
    version = data.get("format") if isinstance(data, dict) else None
    if version != FORMAT:
        what = f"a bundle must have format {FORMAT}, this has {version!r}: use the version of sweepkit that made it"
        raise DataError(what, where=str(path))
    return _facts(data, path)


def _facts(data: dict[str, Any], path: Path) -> BundleManifest:  # a JSON object
    try:
        facts = BundleManifest.from_json(data)
        missing = [name for name in (MODEL, VOCABULARY, CHECK, CARD) if name not in facts.files]
        strange = [name for name in facts.files if Path(name).name != name or "\0" in name]
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise DataError(f"this is malformed: {error}; {REMEDY}", where=str(path)) from None
    if missing or strange:
        what = f"this must list the bundle's own files, it lists {', '.join(facts.files) or 'none'}; {REMEDY}"
        raise DataError(what, where=str(path))
    return facts


def _verify(path: Path, sha256: str) -> None:
    if not path.is_file():
        raise DataError(f"this file of the bundle is missing; {REMEDY}", where=str(path))
    if file_info(path).sha256 != sha256:
        raise DataError(f"this file was damaged or changed, it differs from its checksum; {REMEDY}", where=str(path))
