"""Word vectors in little space: rounded to three decimals, in a Parquet file with a column for each dimension.

`word_vectors` reads the file. Try `write_rounded(Path("vectors.parquet"), ["good"], {2: np.ones((1, 2), np.float32)})`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

# the official file has 5 to 6 decimals; 3 are 0.1 % of the values' deviation, and compress to half of float16
STEP = 0.001


def write_rounded(path: Path, words: Sequence[str], matrices: Mapping[int, NDArray[np.float32]]) -> None:
    """Write vectors as integers, in units of `STEP`.

    Args:
        path: of the file.
        words: one for each row.
        matrices: dimension to <float32>[words, dim].
    """
    columns: dict[str, Any] = {"word": pa.array(words, pa.string())}  # pyarrow publishes no types
    for dim, matrix in matrices.items():
        values = np.rint(matrix / STEP).astype(np.int32).ravel()
        columns[f"d{dim}"] = pa.FixedSizeListArray.from_arrays(pa.array(values), dim)
    # the bytes of a number in separate streams, since the two high ones are nearly constant
    encodings = {f"d{dim}.list.element": "BYTE_STREAM_SPLIT" for dim in matrices} | {"word": "PLAIN"}
    pq.write_table(
        pa.table(columns),
        path,
        compression="zstd",
        compression_level=19,
        use_dictionary=False,
        column_encoding=encodings,
        data_page_size=64 << 20,
        write_statistics=False,
    )
