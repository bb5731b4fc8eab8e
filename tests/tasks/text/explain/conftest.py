"""Bundles that tests read and nobody changes, and an explanation that needed no model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.bundles import write_tiny_bundle


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Two layers of LSTM in both directions that read the last 20 tokens."""
    return load(tmp_path_factory.mktemp("lstm"), layers=2, bidirectional=True, pooling="mean", max_len=20)


@pytest.fixture(scope="session")
def head_model(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A SimpleRNN that reads the first 5 tokens."""
    return load(tmp_path_factory.mktemp("head"), cell="rnn", max_len=5, keep="head")


@pytest.fixture(scope="session")
def plain_model(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A model without a recurrent layer."""
    return load(tmp_path_factory.mktemp("plain"), cell="none")


def load(folder: Path, **settings: Any) -> Any:
    from sweepkit.tasks.text.classifier import load

    write_tiny_bundle(folder, **settings)
    return load(folder)


@pytest.fixture(scope="session")
def explained() -> Callable[..., Any]:
    """Make up an explanation of the given tokens: seeded numbers, nothing computed by a model."""

    def make(
        tokens: Sequence[str],
        *,
        labels: tuple[str, ...] = ("negative", "positive"),
        units: int = 6,
        has_end: bool = True,
        n_total: int | None = None,
        has_heat: bool = True,
        running: np.ndarray | None = None,
    ) -> Any:
        from sweepkit.tasks.text.explain.explanation import Explanation, Heat
        from sweepkit.tasks.text.explain.prefixes import settled, turns

        rng = np.random.default_rng(len(tokens))
        words = len(tokens)
        shown = (*tokens, "<end>") if has_end else tuple(tokens)
        values = np.tanh(np.cumsum(rng.normal(scale=0.3, size=(len(shown), units)), axis=0)).astype(np.float32)
        heat = Heat(2, "backward", "LSTM", True, 64, tuple(range(units)), True, values) if has_heat else None
        predictions = rng.dirichlet(np.ones(len(labels)), words + 1).astype(np.float32) if running is None else running
        return Explanation(
            manifest=manifest(labels),
            tokens=shown,
            unknown=tuple(i % 5 == 1 and i < words for i in range(len(shown))),
            n_words=words,
            n_total=n_total or len(shown),
            heat=heat,
            running=predictions,
            turns=turns(predictions),
            settled=settled(predictions),
        )

    return make


def manifest(labels: tuple[str, ...]) -> Any:
    from sweepkit.bundle.manifest import CheckResult
    from tests.support.bundles import describer

    return describer({"cell": "lstm", "units": 64, "max_len": 200}, label_names=labels)(CheckResult(1, 1, 0.0), {})
