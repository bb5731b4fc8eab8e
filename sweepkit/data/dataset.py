"""Prepared data on disk: shards, a vocabulary and word vectors, described by a manifest that is written last.

Reads and verifies, makes nothing: that is `preparation`. Imports no TensorFlow. Try
`PreparedData.open(folder).manifest.splits["train"].rows`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sweepkit.data.manifest import MANIFEST, Manifest, parse_manifest, remedy
from sweepkit.errors import DataError
from sweepkit.formatting import listed
from sweepkit.storage.digests import FileInfo, file_info
from sweepkit.tasks.text.vocabulary import Vocabulary


@dataclass(frozen=True)
class PreparedData:
    """A complete folder of prepared data."""

    manifest: Manifest
    folder: Path

    @classmethod
    def open(cls, folder: Path) -> PreparedData:
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
            raise DataError(f"the manifest can't be read: {error}; {remedy(folder)}", where=str(path)) from None
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


def _load_vectors(path: Path, shape: tuple[int, int]) -> NDArray[np.float32]:
    try:
        matrix: NDArray[np.float32] = np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise DataError(f"vectors can't be read: {error}; {remedy(path.parent)}", where=str(path)) from None
    if matrix.shape != shape or matrix.dtype != np.float32:
        raise DataError(f"vectors must be float32 of shape {shape}; {remedy(path.parent)}", where=str(path))
    return matrix


def _verify(path: Path, facts: FileInfo) -> None:
    if not path.is_file():
        raise DataError(f"this file of the prepared data is missing; {remedy(path.parent)}", where=str(path))
    found = file_info(path)
    if found.bytes != facts.bytes:
        seen = f"has {found.bytes:,} bytes where the manifest says {facts.bytes:,}"
    elif found.sha256 != facts.sha256:
        seen = "differs from its checksum"
    else:
        return
    raise DataError(f"this file is damaged, it {seen}; {remedy(path.parent)}", where=str(path))
