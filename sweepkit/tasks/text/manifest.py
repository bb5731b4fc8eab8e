"""What the manifest of prepared texts has besides rows and shards: labels, a vocabulary, word vectors, lengths."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sweepkit.data.manifest import Manifest, SplitInfo
from sweepkit.storage.digests import FileInfo

# tokens in a bin of a histogram of lengths, and bins; the last one holds all longer texts
BIN_TOKENS, N_BINS = 20, 60


@dataclass(frozen=True, kw_only=True)
class TextSplitInfo(SplitInfo):
    """One split of texts; `lengths` count tokens, end token included.

    Attributes:
        label_counts: texts of each label, in the order of `TextManifest.label_names`.
        histogram: texts by length, in `N_BINS` bins of `BIN_TOKENS` tokens.
    """

    label_counts: tuple[int, ...]
    histogram: tuple[int, ...]

    @classmethod
    def parsed(cls, data: Any) -> dict[str, Any]:  # JSON as read, and constructor arguments of several types
        own = {"label_counts": tuple(data["label_counts"]), "histogram": tuple(data["histogram"])}
        return super().parsed(data) | own


@dataclass(frozen=True, slots=True)
class VocabularyInfo(FileInfo):
    """The vocabulary; `token_share` is the share of the tokens of train that it covers."""

    size: int
    token_share: float


@dataclass(frozen=True, slots=True)
class VectorInfo(FileInfo):
    """The vectors of one dimension.

    Attributes:
        dim: values of a vector.
        words_found: words of the vocabulary that have a vector.
        token_share: the share of the tokens of train that have one.
    """

    dim: int
    words_found: int
    token_share: float


@dataclass(frozen=True, kw_only=True)
class TextManifest(Manifest):
    """What a folder of prepared texts holds.

    Attributes:
        label_names: by target.
        vocabulary: its file.
        vectors: one for each dimension of the recipe.
        duplicates: rows that repeat a text: "train" and "test" within their own rows (train before validation is
            carved), "train_and_test" texts that occur in both.
    """

    splits: Mapping[str, TextSplitInfo]
    label_names: tuple[str, ...]
    vocabulary: VocabularyInfo
    vectors: tuple[VectorInfo, ...]
    duplicates: Mapping[str, int]

    @property
    def files(self) -> Iterator[FileInfo]:
        yield self.vocabulary
        yield from self.vectors
        yield from super().files

    @property
    def counts(self) -> Iterator[int]:
        yield self.vocabulary.size
        yield from (vectors.dim for vectors in self.vectors)
        yield from super().counts

    def profile(self, split: str) -> dict[str, Any]:  # JSON values
        return super().profile(split) | {"label_counts": list(self.splits[split].label_counts)}

    @classmethod
    def parsed(cls, data: Any) -> dict[str, Any]:  # JSON as read, and constructor arguments of several types
        return {
            "label_names": tuple(data["label_names"]),
            "splits": {name: TextSplitInfo.from_json(split) for name, split in data["splits"].items()},
            "vocabulary": VocabularyInfo(**data["vocabulary"]),
            "vectors": tuple(VectorInfo(**vectors) for vectors in data["vectors"]),
        }
