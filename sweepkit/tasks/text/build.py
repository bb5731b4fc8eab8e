"""The build of prepared data, from a source to a folder with a manifest; called by `prepare`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from sweepkit.data.manifest import FORMAT, MANIFEST, SPLITS, ShardInfo
from sweepkit.data.prepare import Progress, TaskMapper
from sweepkit.data.rows import Rows
from sweepkit.errors import DataError
from sweepkit.storage.digests import file_info
from sweepkit.tasks.text.corpus import Corpus, TextChunk, tokenise
from sweepkit.tasks.text.manifest import BIN_TOKENS, N_BINS, TextManifest, TextSplitInfo, VectorInfo, VocabularyInfo
from sweepkit.tasks.text.recipe import Recipe
from sweepkit.tasks.text.source import LabelledTexts, Source, check_texts
from sweepkit.tasks.text.splits import carve
from sweepkit.tasks.text.vocabulary import Vocabulary

# half a second a task: short enough to balance the load, long enough to hide its overhead
_CHUNK_TEXTS = 1_000
_SHARD_ROWS = 2_000

Result = TypeVar("Result")


def build(folder: Path, recipe: Recipe, source: Source, *, key: str, mapper: TaskMapper, progress: Progress) -> None:
    """Fill an empty folder; the manifest is written last.

    Raises:
        DataError: the source is malformed, or leaves a split or the vocabulary empty.
    """
    where = source.describe()
    labelled = source.read(progress)
    check_texts(labelled, where=where, n_labels=len(recipe.label_names))
    corpus = _cut(labelled, recipe, mapper, progress, where=where)
    places = _split_rows(labelled, corpus, recipe, where=where)
    counts = corpus.counts(places["train"])
    vocabulary = Vocabulary.build(counts, max_size=recipe.vocab_size, min_frequency=recipe.min_frequency)
    if not vocabulary.index:
        raise DataError(
            f"the vocabulary must have words, none occurs {recipe.min_frequency} times in train: lower min_frequency",
            where=where,
        )
    rows = corpus.encode(vocabulary, labelled.labels)
    splits = _write_splits(folder, rows, places, recipe, mapper, progress)
    manifest = TextManifest(
        format=FORMAT,
        key=key,
        package=recipe.package,
        label_names=recipe.label_names,
        splits=splits,
        vocabulary=_write_vocabulary(folder, vocabulary, counts),
        vectors=tuple(_write_vectors(folder, vocabulary, counts, source, recipe, progress)),
        duplicates=_duplicates(corpus.hashes, labelled.is_test),
        settings=asdict(recipe),
        source=where,
        source_digest=source.digest(),
    )
    (folder / MANIFEST).write_text(json.dumps(manifest.to_json(), indent=1) + "\n", encoding="utf-8")


def _cut(labelled: LabelledTexts, recipe: Recipe, mapper: TaskMapper, progress: Progress, *, where: str) -> Corpus:
    phase = "splitting texts into words"
    starts = range(0, len(labelled.texts), _CHUNK_TEXTS)
    chunks = [TextChunk(labelled.texts[start : start + _CHUNK_TEXTS], recipe.lower) for start in starts]
    results = mapper.map(tokenise, chunks, describe=phase)
    corpus = Corpus.merge(_counted(results, len(chunks), phase, progress))
    for i in np.flatnonzero(corpus.lengths == 0)[:1].tolist():
        raise DataError(f"every text must have words, {labelled.places[i]} has only markup", where=where)
    return corpus


def _counted(results: Iterable[Result], total: int, phase: str, progress: Progress) -> Iterator[Result]:
    if total:
        progress(phase, 0, total)
    for done, result in enumerate(results, 1):
        progress(phase, done, total)
        yield result


def _split_rows(labelled: LabelledTexts, corpus: Corpus, recipe: Recipe, *, where: str) -> dict[str, NDArray[np.int64]]:
    """Return the rows of each split in the order of their hashes: random, and the same for every kind of source."""
    order = np.lexsort((labelled.labels, corpus.hashes))
    train = order[~labelled.is_test[order]]
    is_valid = carve(labelled.labels[train], corpus.hashes[train], fraction=recipe.valid_fraction, seed=recipe.seed)
    if is_valid.all() or not is_valid.any():
        raise DataError(
            f"train and validation must both have rows, valid_fraction {recipe.valid_fraction} of {len(train)} rows "
            "leaves one of them empty",
            where=where,
        )
    return {"train": train[~is_valid], "valid": train[is_valid], "test": order[labelled.is_test[order]]}


def _write_splits(
    folder: Path,
    rows: Rows,
    places: Mapping[str, NDArray[np.int64]],
    recipe: Recipe,
    mapper: TaskMapper,
    progress: Progress,
) -> dict[str, TextSplitInfo]:
    phase = "writing records"
    shards = {split: _shards(rows.take(places[split])) for split in SPLITS}
    tasks = [shard for split in SPLITS for shard in shards[split]]
    contents = _counted(mapper.map(encode_shard, tasks, describe=phase), len(tasks), phase, progress)
    splits = {}
    for split in SPLITS:
        files = []
        for i, shard in enumerate(shards[split]):
            path = folder / f"{split}-{i:05d}-of-{len(shards[split]):05d}.tfrecord"
            path.write_bytes(next(contents))
            files.append(ShardInfo(**asdict(file_info(path)), rows=len(shard), tokens=len(shard.tokens)))
        splits[split] = _split_info(rows.take(places[split]), tuple(files), len(recipe.label_names))
    return splits


def encode_shard(rows: Rows) -> bytes:
    """Return the content of one shard; runs in a task, possibly on a machine without access to the folder."""
    # here, not above: the driver needs no TensorFlow
    from sweepkit.data import tfrecords

    return tfrecords.shard_bytes(rows)


def _shards(rows: Rows) -> list[Rows]:
    return [rows.part(start, start + _SHARD_ROWS) for start in range(0, len(rows), _SHARD_ROWS)]


def _split_info(rows: Rows, files: tuple[ShardInfo, ...], n_labels: int) -> TextSplitInfo:
    lengths: dict[str, float] = {}
    if len(rows):
        shares = {"median": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "max": 1.0}
        quantiles = np.quantile(rows.lengths, list(shares.values()), method="higher").tolist()
        lengths = {"mean": round(float(rows.lengths.mean()), 2), **dict(zip(shares, quantiles, strict=True))}
    counts = np.bincount(rows.targets, minlength=n_labels).tolist()
    bins = np.minimum(rows.lengths // BIN_TOKENS, N_BINS - 1)
    histogram = tuple(np.bincount(bins, minlength=N_BINS).tolist())
    return TextSplitInfo(rows=len(rows), lengths=lengths, files=files, label_counts=tuple(counts), histogram=histogram)


def _write_vocabulary(folder: Path, vocabulary: Vocabulary, counts: Mapping[str, int]) -> VocabularyInfo:
    path = folder / "vocabulary.txt"
    vocabulary.save(path)
    share = _token_share(vocabulary.index, counts)
    return VocabularyInfo(**asdict(file_info(path)), size=len(vocabulary), token_share=share)


def _write_vectors(
    folder: Path,
    vocabulary: Vocabulary,
    counts: Mapping[str, int],
    source: Source,
    recipe: Recipe,
    progress: Progress,
) -> Iterator[VectorInfo]:
    for dim in _counted(recipe.vector_dims, len(recipe.vector_dims), "reading word vectors", progress):
        aligned = source.vectors[dim].align(vocabulary, seed=recipe.seed)
        path = folder / f"vectors-{dim}.npy"
        np.save(path, aligned.matrix, allow_pickle=False)
        words = [vocabulary.words[i] for i in np.flatnonzero(aligned.has_vector)]
        yield VectorInfo(
            **asdict(file_info(path)),
            dim=dim,
            words_found=len(words),
            token_share=_token_share(words, counts),
        )


def _token_share(words: Iterable[str], counts: Mapping[str, int]) -> float:
    return round(sum(counts[word] for word in words) / sum(counts.values()), 6)


def _duplicates(hashes: NDArray[np.uint64], is_test: NDArray[np.bool_]) -> dict[str, int]:
    train, test = np.unique(hashes[~is_test]), np.unique(hashes[is_test])
    return {
        "train": int((~is_test).sum()) - len(train),
        "test": int(is_test.sum()) - len(test),
        "train_and_test": len(np.intersect1d(train, test, assume_unique=True)),
    }
