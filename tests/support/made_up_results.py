"""A made-up final stage, its winner's errors, and prepared data. Imported by the tests of the report."""

from __future__ import annotations

import random
from typing import Any

import numpy as np

from sweepkit.results.final_result import (
    CLEAR,
    NOISE,
    CandidateResult,
    Comparison,
    FinalResult,
    HeldOutEvaluation,
    Interval,
)
from sweepkit.tasks.description import DataDescription, ErrorDescription
from sweepkit.tasks.text.description import describe_data, describe_errors
from sweepkit.tasks.text.manifest import BIN_TOKENS, N_BINS, TextManifest, TextSplitInfo, VectorInfo, VocabularyInfo
from sweepkit.tasks.text.predictions import Predictions
from tests.support.made_up_sweeps import METRIC


def final_result(*, clear: bool = False, looks: int = 1) -> FinalResult:
    """Make up what a final stage found: two leaders and two baselines, one of which is no network."""
    verdict, p_value = (CLEAR, 0.004) if clear else (NOISE, 0.61)
    one = {"cell": "gru", "units": 64}
    return FinalResult(
        metric=METRIC,
        mode="max",
        n_seeds=3,
        candidates=(
            CandidateResult(
                "trial 7", False, 7, one, (0, 1, 2), (0.891, 0.894, 0.889), 0.8913, Interval(0.885, 0.898), 1, "p7"
            ),
            CandidateResult(
                "trial 2", False, 2, one, (3, 4, 5), (0.885, 0.892, 0.89), 0.889, Interval(0.88, 0.898), 4, "p2"
            ),
            CandidateResult(
                "mean of embeddings", True, None, {}, (6,), (0.871,), 0.871, Interval(0.865, 0.878), 6, "p6"
            ),
            CandidateResult("bigrams", True, None, {}, (), (0.88,), 0.88, None, None, "linear"),
        ),
        comparisons=(
            Comparison("trial 2", 5000, 210, 198, p_value, 0.0024, Interval(-0.005, 0.01), verdict),
            Comparison("bigrams", 5000, 301, 210, 0.0001, 0.018, Interval(0.01, 0.026), CLEAR),
        ),
        looks=tuple(
            HeldOutEvaluation(n, "2026-09-21T18:00:00+00:00", "trial 7", 1, 25_000, 0.8841, Interval(0.88, 0.888), 0.31)
            for n in range(1, looks + 1)
        ),
    )


def winner_errors() -> ErrorDescription:
    """Make up the winner's errors."""
    targets = np.repeat(np.array([0, 0, 1, 1], np.int32), [2210, 290, 255, 2245])
    labels = np.repeat([0, 1, 0, 1], [2210, 290, 255, 2245])
    mistakes = [
        _mistake(17, "negative", "positive", 0.993, "not a bad <b>film</b> at all , i was told"),
        _mistake(4, "positive", "negative", 0.981, "</script><script>alert(1)</script> boring it is not"),
    ]
    return describe_errors(Predictions(targets, np.eye(2, dtype=np.float32)[labels]), mistakes, manifest(400))


def _mistake(row: int, target: str, predicted: str, probability: float, text: str) -> dict[str, Any]:
    return {"row": row, "target": target, "predicted": predicted, "probability": probability, "text": text}


def data(rows: int = 20_000) -> DataDescription:
    """Say what made-up prepared data is like."""
    return describe_data(manifest(rows))


def manifest(rows: int = 20_000) -> TextManifest:
    """Make up the manifest of prepared data with texts of 20 to 1,400 tokens."""
    chance = random.Random(0)
    splits = {}
    for name, n in {"train": rows, "valid": rows // 4, "test": rows}.items():
        found = sorted(int(min(1400, 20 + chance.lognormvariate(5.1, 0.7))) for _ in range(n))
        histogram = [0] * N_BINS
        for length in found:
            histogram[min(length // BIN_TOKENS, N_BINS - 1)] += 1
        shares = {"median": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "max": 1.0}
        lengths = {"mean": sum(found) / n} | {key: float(found[int(share * (n - 1))]) for key, share in shares.items()}
        splits[name] = TextSplitInfo(
            rows=n, lengths=lengths, files=(), label_counts=(n // 2, n - n // 2), histogram=tuple(histogram)
        )
    return TextManifest(
        format=2,
        key="feedc0de",
        package="toy",
        label_names=("negative", "positive"),
        splits=splits,
        vocabulary=VocabularyInfo("vocabulary.txt", 1, "", 20_000, 0.9731),
        vectors=(VectorInfo("vectors-50.npy", 1, "", 50, 19_100, 0.9702),),
        duplicates={},
        settings={},
        source="made-up texts",
        source_digest="",
    )
