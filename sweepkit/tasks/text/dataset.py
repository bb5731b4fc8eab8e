"""Prepared texts on disk, with the vocabulary and word vectors that models are built from.

Try `PreparedTexts.open(folder).vocab_size`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from sweepkit.data.dataset import PreparedData
from sweepkit.data.manifest import MANIFEST, Manifest, remedy
from sweepkit.errors import DataError
from sweepkit.formatting import listed
from sweepkit.tasks.text.manifest import TextManifest
from sweepkit.tasks.text.vocabulary import Vocabulary


@dataclass(frozen=True)
class PreparedTexts(PreparedData):
    """A complete folder of prepared texts."""

    manifest_type: ClassVar[type[Manifest]] = TextManifest

    manifest: TextManifest

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
        for vectors in self.manifest.vectors:
            if vectors.dim == dim:
                return _load_vectors(self.folder / vectors.name, (self.vocab_size, dim))
        dims = listed(vectors.dim for vectors in self.manifest.vectors) or "none"
        raise DataError(
            f"vectors of {dim} values were not prepared, these were: {dims}", where=str(self.folder / MANIFEST)
        )


def _load_vectors(path: Path, shape: tuple[int, int]) -> NDArray[np.float32]:
    try:
        matrix: NDArray[np.float32] = np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise DataError(f"vectors can't be read: {error}; {remedy(path.parent)}", where=str(path)) from None
    if matrix.shape != shape or matrix.dtype != np.float32:
        raise DataError(f"vectors must be float32 of shape {shape}; {remedy(path.parent)}", where=str(path))
    return matrix
