"""Descriptions of prepared texts and of a classifier's errors, for commands and reports."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from sweepkit.tasks.description import ConfusionMatrix, DataDescription, ErrorDescription, Shares, SizeHistogram, Table
from sweepkit.tasks.text.evaluation import Mistake
from sweepkit.tasks.text.manifest import BIN_TOKENS, TextManifest
from sweepkit.tasks.text.predictions import Predictions

_LENGTH = "max_len"  # the parameter of sweep packages that limits the tokens read of a text
_QUANTILES = {"mean": "mean", "median": "median", "p90": "90 %", "p95": "95 %", "p99": "99 %", "max": "longest"}
_HOW_DATA = (
    "Lengths of the training texts, and the share read in full at the lengths that the sweep tried (dashed lines); "
    "texts of each label in each split; and the share of words that vocabulary and word vectors cover."
)
_HOW_ERRORS = (
    "Confusion matrix of the winner's best run on the validation split, with correct predictions on the diagonal. "
    "Below it, the misclassified texts of the highest confidence, as the model reads them, with unknown words marked."
)


def describe_data(manifest: TextManifest) -> DataDescription:
    """Describe prepared texts: lengths, labels, and the coverage of vocabulary and word vectors."""
    train = manifest.splits["train"]
    histogram = SizeHistogram(
        rows="texts",
        size="tokens of a text",
        unit="tokens",
        width=BIN_TOKENS,
        counts=train.histogram,
        largest=train.lengths.get("max"),
        limit=_LENGTH,
    )
    counts = {name: split.label_counts for name, split in manifest.splits.items() if split.rows}
    labels = Shares("texts", manifest.label_names, counts, "share of each label in each split")
    parts = (histogram, _quantiles(manifest), labels, _coverage(manifest))
    return DataDescription(_HOW_DATA, tuple(_summary(manifest)), parts)


def describe_errors(
    predictions: Predictions, mistakes: Sequence[Mapping[str, Any]], manifest: TextManifest | None
) -> ErrorDescription:
    """Describe a classifier's errors: its confusion matrix and its most confident mistakes."""
    n_labels = predictions.probabilities.shape[1]
    pairs = predictions.targets * n_labels + predictions.probabilities.argmax(axis=1)
    counts = np.bincount(pairs, minlength=n_labels**2).reshape(n_labels, n_labels).tolist()
    names = tuple(f"label {place}" for place in range(n_labels))
    if manifest is not None and len(manifest.label_names) == n_labels:
        names = manifest.label_names
    worst = [Mistake(**mistake) for mistake in mistakes]
    quotes = [(f"{one.target}, predicted {one.predicted} ({one.probability:.1%})", one.text) for one in worst]
    return ErrorDescription(_HOW_ERRORS, ConfusionMatrix(names, tuple(map(tuple, counts))), quotes)


def _summary(manifest: TextManifest) -> Iterator[str]:
    for name, split in manifest.splits.items():
        counts = ", ".join(
            f"{count:,} {label}" for label, count in zip(manifest.label_names, split.label_counts, strict=True)
        )
        lengths = split.lengths
        spread = f"; tokens: median {lengths['median']:.0f}, 99 % {lengths['p99']:.0f}" if split.rows else ""
        yield f"{name}: {split.rows:,} rows ({counts}){spread}"
    vocabulary = manifest.vocabulary
    yield f"vocabulary: {vocabulary.size:,} words, {vocabulary.token_share:.1%} of the tokens of train"
    for vectors in manifest.vectors:
        share = f"{vectors.token_share:.1%} of the tokens of train"
        yield f"vectors of {vectors.dim}: {vectors.words_found:,} words, {share}"


def _quantiles(manifest: TextManifest) -> Table:
    rows = [
        (
            {"valid": "validation"}.get(name, name),
            f"{split.rows:,}",
            *(f"{split.lengths.get(quantile, 0):,.0f}" for quantile in _QUANTILES),
        )
        for name, split in manifest.splits.items()
        if split.rows
    ]
    return Table(("tokens of a text in", "texts", *_QUANTILES.values()), tuple(rows))


def _coverage(manifest: TextManifest) -> Table:
    words = manifest.vocabulary
    rows = [("vocabulary", f"{words.size:,}", f"{words.token_share:.2%}")]
    rows += [(f"vectors of {v.dim}", f"{v.words_found:,}", f"{v.token_share:.2%}") for v in manifest.vectors]
    return Table(("in", "words", "share of the tokens of train"), tuple(rows))
