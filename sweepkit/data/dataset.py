"""Prepared data on disk: shards, a vocabulary and word vectors, described by a manifest that is written last.

Reads and verifies, makes nothing: that is `preparation`. Imports no TensorFlow. Try
`Prepared.open(folder).manifest.splits["train"].rows`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sweepkit.errors import DataError
from sweepkit.formatting import listed
from sweepkit.tasks.text.vocabulary import Vocabulary

# Goes up when what is written changes, be it the layout or the rules that texts are cut by
FORMAT = 2
MANIFEST = "manifest.json"
# tokens in a bin of a histogram of lengths, and bins; the last one holds all longer texts
BIN_TOKENS, N_BINS = 20, 60
_PLAIN = re.compile(r"[\w-][\w.-]{0,199}")
SPLITS = ("train", "valid", "test")


@dataclass(frozen=True, slots=True)
class FileFacts:
    """One file of the folder, by name."""

    name: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class ShardFacts(FileFacts):
    """One file of records."""

    rows: int
    tokens: int


@dataclass(frozen=True, slots=True)
class SplitFacts:
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
    files: tuple[ShardFacts, ...]


@dataclass(frozen=True, slots=True)
class VocabularyFacts(FileFacts):
    """The vocabulary; `token_share` is the share of the tokens in train that it knows."""

    size: int
    token_share: float


@dataclass(frozen=True, slots=True)
class VectorFacts(FileFacts):
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
    splits: Mapping[str, SplitFacts]
    vocabulary: VocabularyFacts
    vectors: tuple[VectorFacts, ...]
    duplicates: Mapping[str, int]
    settings: Mapping[str, Any]  # JSON values, shown and compared, never looked up
    source: str
    source_digest: str

    @property
    def files(self) -> Iterator[FileFacts]:
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
            "vocabulary": VocabularyFacts(**data["vocabulary"]),
            "vectors": tuple(VectorFacts(**facts) for facts in data["vectors"]),
        }
        return cls(**{**data, **fixed})


@dataclass(frozen=True)
class Prepared:
    """A complete folder of prepared data."""

    manifest: Manifest
    folder: Path

    @classmethod
    def open(cls, folder: Path) -> Prepared:
        """Read a folder's manifest and trust the rest; `verify` does not.

        Raises:
            DataError: there is no manifest, or none of this format.
        """
        path = folder / MANIFEST
        try:
            data = json.loads(path.read_bytes())
        except FileNotFoundError:
            raise DataError("this folder holds no prepared data, its manifest is missing", where=str(path)) from None
        except (OSError, ValueError, RecursionError) as error:
            raise DataError(f"the manifest can't be read: {error}; {_remedy(folder)}", where=str(path)) from None
        return cls(parse_manifest(data, where=str(path)), folder)

    @property
    def vocab_size(self) -> int:
        """Words of the vocabulary, the three reserved ones included."""
        return self.manifest.vocabulary.size

    def vocabulary(self) -> Vocabulary:
        """Read the vocabulary."""
        return Vocabulary.load(self.folder / self.manifest.vocabulary.name)

    def vectors(self, dim: int) -> NDArray[np.float32]:
        """Read the word vectors of a dimension: <float32>[vocab, dim], row 0 zeros.

        Raises:
            DataError: the data was prepared without this dimension, or the file is damaged.
        """
        for facts in self.manifest.vectors:
            if facts.dim == dim:
                return _load_vectors(self.folder / facts.name, (self.vocab_size, dim))
        dims = listed(facts.dim for facts in self.manifest.vectors) or "none"
        raise DataError(
            f"vectors of {dim} values were not prepared, these were: {dims}", where=str(self.folder / MANIFEST)
        )

    def shards(self, split: str) -> list[Path]:
        """Return the paths of a split's files, in order."""
        return [self.folder / facts.name for facts in self.manifest.splits[split].files]

    def verify(self) -> None:
        """Read every file and compare it with the manifest: 0.1 s for 100 MB.

        Raises:
            DataError: a file is missing or damaged; names the first one.
        """
        for facts in self.manifest.files:
            _verify(self.folder / facts.name, facts)


def parse_manifest(data: Any, *, where: str) -> Manifest:  # JSON as read
    """Turn a manifest's JSON into a `Manifest`.

    Raises:
        DataError: it is of another format, or malformed.
    """
    found = data.get("format") if isinstance(data, dict) else None
    if found != FORMAT:
        raise DataError(
            f"prepared data must have format {FORMAT}, this has {found!r}; {_remedy(Path(where).parent)}", where=where
        )
    try:
        manifest = Manifest.from_json(data)
        _check(manifest)
        return manifest
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise DataError(f"the manifest is malformed: {error}; {_remedy(Path(where).parent)}", where=where) from None


def file_facts(path: Path) -> FileFacts:
    """Measure a file; its name is the last part of the path."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return FileFacts(path.name, path.stat().st_size, digest)


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


def _split(data: Mapping[str, Any]) -> SplitFacts:
    return SplitFacts(
        rows=data["rows"],
        label_counts=tuple(data["label_counts"]),
        lengths=data["lengths"],
        histogram=tuple(data["histogram"]),
        files=tuple(ShardFacts(**facts) for facts in data["files"]),
    )


def _load_vectors(path: Path, shape: tuple[int, int]) -> NDArray[np.float32]:
    try:
        matrix: NDArray[np.float32] = np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise DataError(f"vectors can't be read: {error}; {_remedy(path.parent)}", where=str(path)) from None
    if matrix.shape != shape or matrix.dtype != np.float32:
        raise DataError(f"vectors must be float32 of shape {shape}; {_remedy(path.parent)}", where=str(path))
    return matrix


def _verify(path: Path, facts: FileFacts) -> None:
    if not path.is_file():
        raise DataError(f"this file of the prepared data is missing; {_remedy(path.parent)}", where=str(path))
    found = file_facts(path)
    if found.bytes != facts.bytes:
        seen = f"has {found.bytes:,} bytes where the manifest says {facts.bytes:,}"
    elif found.sha256 != facts.sha256:
        seen = "differs from its checksum"
    else:
        return
    raise DataError(f"this file is damaged, it {seen}; {_remedy(path.parent)}", where=str(path))


def _remedy(folder: Path) -> str:
    return f"delete the folder {str(folder)!r} and run the command again"
