"""Small bundles for tests: real networks of the first sweep package, seeded and not trained."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from sweepkit.bundle.manifest import CheckResult, Measured
from sweepkit.data.rows import Rows
from sweepkit.space import Value
from sweepkit.tasks.text.bundle import TextBundleManifest, TextSettings
from sweepkit.tasks.text.vocabulary import Vocabulary

WORDS = (
    *("the", "a", "film", "is", "not", "good", "bad", "and", "it", ".", ",", "very", "great", "plot", "poor", "actor"),
    *("scene", "music", "long", "short", "love", "hate", "never", "again", "!", "but", "best", "worst", "was", "this"),
)  # 30 of them
VOCABULARY = Vocabulary(("<pad>", "<unknown>", "<end>", *WORDS))
MEASURED = (Measured("validation accuracy", 0.75, 0.65, 0.83, 80), Measured("validation loss", 0.5))


class PreparedWords:
    """What `model.build` needs of prepared data; published vectors are noise."""

    vocab_size = len(VOCABULARY)

    def vectors(self, dim: int) -> np.ndarray:
        return np.random.default_rng(dim).normal(size=(self.vocab_size, dim)).astype(np.float32)


def write_tiny_bundle(
    folder: Path,
    *,
    cell: str = "lstm",
    units: int = 6,
    layers: int = 1,
    bidirectional: bool = False,
    pooling: str = "last",
    max_len: int = 12,
    keep: str = "tail",
) -> None:
    """Write a bundle of a network of `units` with the vocabulary `WORDS`, into a folder that is made if need be."""
    params = {
        "cell": cell,
        "units": units,
        "layers": layers,
        "bidirectional": bidirectional,
        "pooling": pooling,
        "embedding": "scratch",
        "embedding_dim": 8,
        "max_len": max_len,
    }
    write_bundle_at(folder, params, keep=keep)


def write_bundle_at(
    folder: Path, params: Mapping[str, Value], *, keep: str = "tail", check_rows: int = 40
) -> TextBundleManifest:
    """Write a bundle of the network that the first sweep package builds at a point, completed with defaults."""
    import keras
    from imdb import model

    from sweepkit.tasks.text.export import write_bundle

    rest = {"dropout": 0.1, "optimizer": "adam", "learning_rate": 1e-3, "batch_size": 16, "clip": False, "max_len": 12}
    whole = {**rest, **params}
    keras.utils.set_random_seed(3)
    network = model.build(whole, PreparedWords())
    folder.mkdir(parents=True, exist_ok=True)
    check = random_rows(check_rows, max_len=int(whole["max_len"]))
    return write_bundle(folder, network, vocabulary=VOCABULARY, check=check, describe=describer(whole, keep=keep))


def random_rows(n_rows: int, *, max_len: int, seed: int = 0) -> Rows:
    """Make rows of 2 to `max_len` tokens, all but the last of them words."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(2, max_len + 1, n_rows)
    rows = [[*rng.integers(3, len(VOCABULARY), length - 1).tolist(), 2] for length in lengths]
    return Rows.of(rows, rng.integers(0, 2, n_rows).tolist())


def describer(
    params: Mapping[str, Value], *, keep: str = "tail", label_names: tuple[str, ...] = ("negative", "positive")
):
    """Return the `describe` of `write_bundle`, with made-up facts."""

    def describe(check: CheckResult, files: dict[str, str]) -> TextBundleManifest:
        return TextBundleManifest(
            package="imdb",
            sweep="cells",
            trial=7,
            epoch=3,
            seed=11,
            params=dict(params),
            label_names=label_names,
            text=TextSettings(lower=True, max_len=int(params["max_len"]), keep=keep),
            data_key="0123456789abcdef",
            measured=MEASURED,
            check=check,
            versions={"python": "3.11.7", "tensorflow": "2.21.0", "keras": "3.15.1"},
            commit="c0ffee",
            created="2026-01-02T03:04:05+00:00",
            files=files,
        )

    return describe
