"""What a bundle of a text classifier has besides the files and fields of any bundle.

    model.keras       {"token_indexes": <int32>[batch, time], "sequence_length": <int32>[batch]}
                      -> <float32>[batch, 1] (probability of the second label) or [batch, labels]
    vocabulary.txt    one word a line, see `vocabulary`

Values only. Try `opened(folder, TextBundleManifest).label_names`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from sweepkit.bundle.manifest import CARD, CHECK, MODEL, BundleManifest

VOCABULARY = "vocabulary.txt"


@dataclass(frozen=True, slots=True)
class TextSettings:
    """How raw text becomes token indexes.

    Attributes:
        lower: whether text is lower-cased.
        max_len: most tokens that the model reads, the end token included.
        keep: which end of a longer text is read.
    """

    lower: bool
    max_len: int
    keep: Literal["tail", "head"]


@dataclass(frozen=True, kw_only=True)
class TextBundleManifest(BundleManifest):
    """Origin, metrics, files and settings of a bundled text classifier.

    Attributes:
        label_names: by target.
        text: how raw text is read.
    """

    own_files: ClassVar[tuple[str, ...]] = (MODEL, VOCABULARY, CHECK, CARD)

    label_names: tuple[str, ...]
    text: TextSettings

    @property
    def summary(self) -> str:
        return f"Labels raw text as one of: {', '.join(self.label_names)}."

    @classmethod
    def parsed(cls, data: Mapping[str, Any]) -> dict[str, Any]:  # JSON, and constructor arguments of several types
        own = {"label_names": tuple(data["label_names"]), "text": TextSettings(**data["text"])}
        return super().parsed(data) | own
