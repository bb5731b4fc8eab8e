"""The manifest of prepared data: which files a folder holds, and what they were made of."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sweepkit.errors import DataError
from sweepkit.storage.digests import FileInfo

# Goes up when what is written changes, be it the layout or the rules that texts are cut by
FORMAT = 2


MANIFEST = "manifest.json"


# tokens in a bin of a histogram of lengths, and bins; the last one holds all longer texts
BIN_TOKENS, N_BINS = 20, 60


_PLAIN = re.compile(r"[\w-][\w.-]{0,199}")


SPLITS = ("train", "valid", "test")


@dataclass(frozen=True, slots=True)
class ShardInfo(FileInfo):
    """One file of records."""

    rows: int
    tokens: int


@dataclass(frozen=True, slots=True)
class SplitInfo:
    """One split.

    Attributes:
        rows: texts.
        label_counts: texts of each label, in the order of `Manifest.label_names`.
        lengths: tokens of a text, end token included: "mean", "median", "p90", "p95", "p99" and "max".
        histogram: texts by length, in `N_BINS` bins of `BIN_TOKENS` tokens.
        files: the shards, in order.
    """

    rows: int
    label_counts: tuple[int, ...]
    lengths: Mapping[str, float]
    histogram: tuple[int, ...]
    files: tuple[ShardInfo, ...]


@dataclass(frozen=True, slots=True)
class VocabularyInfo(FileInfo):
    """The vocabulary; `token_share` is the share of the tokens in train that it knows."""

    size: int
    token_share: float


@dataclass(frozen=True, slots=True)
class VectorInfo(FileInfo):
    """The vectors of one dimension.

    Attributes:
        dim: values of a vector.
        words_found: words of the vocabulary that have a vector.
        token_share: the share of the tokens in train that have one.
    """

    dim: int
    words_found: int
    token_share: float


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a folder of prepared data holds, and what it was made of.

    Attributes:
        format: of the files; see `FORMAT`.
        key: the content key, a function of source, settings and format.
        package: the sweep package.
        label_names: by target.
        splits: "train", "valid" and "test".
        vocabulary: its file.
        vectors: one for each dimension that was asked for.
        duplicates: rows that repeat a text: "train" and "test" within their own rows (train before validation is
            carved), "train_and_test" texts that occur in both.
        settings: everything besides the source that decides the content.
        source: a description of where the texts come from.
        source_digest: of their content.
    """

    format: int
    key: str
    package: str
    label_names: tuple[str, ...]
    splits: Mapping[str, SplitInfo]
    vocabulary: VocabularyInfo
    vectors: tuple[VectorInfo, ...]
    duplicates: Mapping[str, int]
    settings: Mapping[str, Any]  # JSON values, shown and compared, never looked up
    source: str
    source_digest: str

    @property
    def files(self) -> Iterator[FileInfo]:
        """Every file that the folder must hold."""
        yield self.vocabulary
        yield from self.vectors
        for split in self.splits.values():
            yield from split.files

    def to_json(self) -> dict[str, Any]:  # a JSON object has no narrower type
        """Return the manifest as JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Any) -> Manifest:  # as above
        """Rebuild what `to_json` returned; KeyError or TypeError if it is something else."""
        fixed = {
            "label_names": tuple(data["label_names"]),
            "splits": {name: _split(split) for name, split in data["splits"].items()},
            "vocabulary": VocabularyInfo(**data["vocabulary"]),
            "vectors": tuple(VectorInfo(**facts) for facts in data["vectors"]),
        }
        return cls(**{**data, **fixed})


def parse_manifest(data: Any, *, where: str) -> Manifest:  # JSON as read
    """Turn a manifest's JSON into a `Manifest`.

    Raises:
        DataError: it is of another format, or malformed.
    """
    found = data.get("format") if isinstance(data, dict) else None
    if found != FORMAT:
        raise DataError(
            f"prepared data must have format {FORMAT}, this has {found!r}; {remedy(Path(where).parent)}", where=where
        )
    try:
        manifest = Manifest.from_json(data)
        _check(manifest)
        return manifest
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise DataError(f"the manifest is malformed: {error}; {remedy(Path(where).parent)}", where=where) from None


def _check(manifest: Manifest) -> None:
    """Refuse what is of the right shape and can't be right; files lie in the folder itself.

    Raises:
        ValueError: names what is wrong.
    """
    for facts in manifest.files:
        if not isinstance(facts.name, str) or not _PLAIN.fullmatch(facts.name):
            raise ValueError(f"{facts.name!r} is no name of a file here")
    shards = [file for split in manifest.splits.values() for file in split.files]
    counts = [manifest.vocabulary.size, *(facts.dim for facts in manifest.vectors)]
    counts += [split.rows for split in manifest.splits.values()] + [file.tokens for file in shards]
    if wrong := [count for count in counts if not isinstance(count, int) or count < 0]:
        raise ValueError(f"{wrong[0]!r} is no count")
    if missing := [split for split in SPLITS if split not in manifest.splits]:
        raise ValueError(f"there is no split {missing[0]!r}")


def _split(data: Mapping[str, Any]) -> SplitInfo:
    return SplitInfo(
        rows=data["rows"],
        label_counts=tuple(data["label_counts"]),
        lengths=data["lengths"],
        histogram=tuple(data["histogram"]),
        files=tuple(ShardInfo(**facts) for facts in data["files"]),
    )


def remedy(folder: Path) -> str:
    return f"delete the folder {str(folder)!r} and run the command again"
