"""Make the sample that the imdb package ships: a balanced subset of the published reviews, and vectors of its words.

    python jobs/make_sample.py --data FOLDER_WITH_ARCHIVE_AND_GLOVE_ZIP

The same input and seed give the same files. Texts are as published; no text occurs in both splits or twice in one.
Vectors are rounded to three decimals, of the most frequent words, as many as fit. Takes about two minutes.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import click
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

_ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(_ROOT), str(_ROOT / "sweeps")]

from imdb.locate import SAMPLE, find_source  # noqa: E402  # a job runs without being installed
from imdb.space import Data  # noqa: E402

from sweepkit.tasks.text.rounded_vectors import write_rounded  # noqa: E402
from sweepkit.tasks.text.source import LabelledTexts  # noqa: E402
from sweepkit.tasks.text.text import clean, tokens  # noqa: E402
from sweepkit.tasks.text.vocabulary import Vocabulary  # noqa: E402
from sweepkit.tasks.text.word_vectors import VectorFile  # noqa: E402

N_TRAIN, N_TEST = 5_000, 2_500
DIMS = (50, 100)
# all files together stay below 8 MB, and each of them below 5 MB
MOST_BYTES, MOST_BYTES_OF_VECTORS = 7_950_000, 4_950_000
_BYTES_OF_NOTES = 10_000


@click.command()
@click.option("--data", required=True, help="Folder with the reviews and glove.6B.zip, or any source of the package.")
@click.option("--out", type=click.Path(path_type=Path), default=SAMPLE, show_default=True, help="Where to write.")
@click.option("--seed", default=0, show_default=True, help="Of the choice of reviews.")
def main(data: str, out: Path, seed: int) -> None:
    """Write reviews.parquet and vectors.parquet."""
    source = find_source(Data(source=data), need_vectors=DIMS)
    reviews = source.read(lambda *_: None)
    rows = choose(reviews, seed=seed)
    out.mkdir(parents=True, exist_ok=True)
    write_texts(out / "reviews.parquet", reviews, rows)
    left = MOST_BYTES - _BYTES_OF_NOTES - (out / "reviews.parquet").stat().st_size
    counts = {split: count_words(reviews, rows, split == "test") for split in ("train", "test")}
    words = write_vectors(
        out / "vectors.parquet", counts["train"], source.vectors, most_bytes=min(left, MOST_BYTES_OF_VECTORS)
    )
    for path in sorted(out.iterdir()):
        print(f"{path.name}: {path.stat().st_size:,} bytes")
    for split, occurring in counts.items():
        share = sum(n for word, n in occurring.items() if word in words) / occurring.total()
        print(f"{split}: {share:.2%} of {occurring.total():,} tokens have one of the {len(words):,} vectors")


def choose(reviews: LabelledTexts, *, seed: int) -> list[int]:
    """Return the rows of the sample in random order: as many of each label, none whose text occurs twice anywhere."""
    random = np.random.default_rng(seed)
    cleaned = [clean(text) for text in reviews.texts]
    times = Counter(cleaned)
    chosen: list[int] = []
    for is_test, n_rows in ((False, N_TRAIN), (True, N_TEST)):
        half: list[int] = []
        for label in (0, 1):
            fitting = np.flatnonzero((reviews.is_test == is_test) & (reviews.labels == label)).tolist()
            # by text, so that the choice does not depend on the order in the source
            once = sorted((row for row in fitting if times[cleaned[row]] == 1), key=cleaned.__getitem__)
            half += random.permutation(once)[: n_rows // 2].tolist()
        chosen += random.permutation(half).tolist()
    return chosen


def write_texts(path: Path, reviews: LabelledTexts, rows: list[int]) -> None:
    """Write the columns split, label, text."""
    table = pa.table(
        {
            "split": pa.array(["test" if reviews.is_test[row] else "train" for row in rows]),
            "label": pa.array([int(reviews.labels[row]) for row in rows], pa.int8()),
            "text": pa.array([reviews.texts[row] for row in rows]),
        }
    )
    # one page for all texts, so that the compressor sees all of them
    pq.write_table(
        table,
        path,
        compression="brotli",
        compression_level=11,
        use_dictionary=["split"],
        data_page_size=64 << 20,
        write_statistics=False,
    )


def count_words(reviews: LabelledTexts, rows: list[int], is_test: bool) -> Counter[str]:
    """Count the words of one split's texts, tokenised as preparation does."""
    counts: Counter[str] = Counter()
    for row in rows:
        if bool(reviews.is_test[row]) == is_test:
            counts.update(tokens(clean(reviews.texts[row])))
    return counts


def write_vectors(path: Path, counts: Counter[str], vectors: Mapping[int, VectorFile], *, most_bytes: int) -> set[str]:
    """Write the vectors of the most frequent words, as many as fit into `most_bytes`, and return these words."""
    vocabulary = Vocabulary.build(counts, max_size=len(counts) + 3, min_frequency=1)
    aligned = {dim: vectors[dim].align(vocabulary, seed=0) for dim in DIMS}
    covered = np.flatnonzero(np.logical_and.reduce([one.has_vector for one in aligned.values()]))
    matrices = {dim: one.matrix for dim, one in aligned.items()}
    low, high = 0, len(covered)
    while low < high:
        middle = (low + high + 1) // 2
        _write_words(path, vocabulary, matrices, covered[:middle])
        low, high = (middle, high) if path.stat().st_size <= most_bytes else (low, middle - 1)
    _write_words(path, vocabulary, matrices, covered[:low])
    return {vocabulary.words[i] for i in covered[:low].tolist()}


def _write_words(
    path: Path, vocabulary: Vocabulary, matrices: dict[int, NDArray[np.float32]], covered: NDArray[np.int64]
) -> None:
    words = [vocabulary.words[i] for i in covered.tolist()]
    write_rounded(path, words, {dim: matrix[covered] for dim, matrix in matrices.items()})


if __name__ == "__main__":
    main()
