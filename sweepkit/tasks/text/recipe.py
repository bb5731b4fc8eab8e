"""The recipe of prepared texts: all settings that determine their content."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that determines the content of prepared texts besides the source.

    Attributes:
        package: the sweep package; names the folder.
        label_names: by target.
        vocab_size: most words of the vocabulary, the three reserved ones included.
        min_frequency: words that occur more rarely in train are unknown.
        lower: whether texts are lower-cased.
        valid_fraction: the share of train that becomes validation, in (0, 1).
        seed: of the choice of validation, and of the vectors of words that have none.
        vector_dims: dimensions of the word vectors to align.
    """

    package: str
    label_names: tuple[str, ...]
    vocab_size: int
    min_frequency: int
    lower: bool
    valid_fraction: float
    seed: int
    vector_dims: tuple[int, ...]
