"""A bundle in use: raw texts in, labels out.

Files of texts are read by `files`. Every string gets a label, or a note that says why it has none. Try
`load("runs/sweeps/cells/winner").predict(["good", ""])`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from sweepkit import provenance
from sweepkit.bundle import network as networks
from sweepkit.bundle.manifest import MODEL, REMEDY, opened
from sweepkit.errors import DataError
from sweepkit.tasks.text import inference
from sweepkit.tasks.text.bundle import VOCABULARY, TextBundleManifest
from sweepkit.tasks.text.text import clean
from sweepkit.tasks.text.text import tokens as cut
from sweepkit.tasks.text.vocabulary import END, Vocabulary

NO_WORDS = "no words in it"
NONE_KNOWN = "none of its words is known"

# texts that are tokenised before the network runs: enough for batches of similar length
_CHUNK_BATCHES = 8


@dataclass(frozen=True, slots=True)
class ReadText:
    """A text as the model reads it.

    Attributes:
        tokens: those that the model reads; "<end>" stands for the end of the text.
        indexes: of the tokens, <int32>[time].
        n_total: tokens of the whole text, the end token included.
        n_known: how many of the words that are read are in the vocabulary, without the end token.
    """

    tokens: tuple[str, ...]
    indexes: NDArray[np.int32]
    n_total: int
    n_known: int

    @property
    def has_words(self) -> bool:
        return self.n_total > 1


@dataclass(frozen=True, slots=True)
class Prediction:
    """A model's prediction for a text.

    Attributes:
        label: the most probable one; None for a text without words.
        probability: of that label.
        probabilities: of every label, in the order of `TextBundleManifest.label_names`; empty if there is no label.
        note: a remark for users, such as that the text was cut; None if there is none.
    """

    label: str | None
    probability: float | None
    probabilities: tuple[float, ...]
    note: str | None


class TextModel:
    """A loaded bundle.

    Attributes:
        manifest: of the bundle.
        network: for inference, not compiled.
        vocabulary: of the training data.
    """

    def __init__(self, manifest: TextBundleManifest, network: keras.Model, vocabulary: Vocabulary) -> None:
        self.manifest, self.network, self.vocabulary = manifest, network, vocabulary
        self._infer = inference.inference(network)

    def read(self, text: str) -> ReadText:
        """Turn a raw text into what the model reads."""
        settings = self.manifest.text
        words = cut(clean(text), lower=settings.lower)
        kept = slice(-settings.max_len, None) if settings.keep == "tail" else slice(settings.max_len)
        indexes = np.array(self.vocabulary.encode(words)[kept], np.int32)
        tokens = (*words, self.vocabulary.words[END])[kept]
        return ReadText(tokens, indexes, len(words) + 1, int((indexes > END).sum()))

    def probabilities(
        self,
        rows: Sequence[NDArray[np.int32]],
        *,
        batch_size: int = 256,
        progress: Callable[[int, int], None] | None = None,
    ) -> NDArray[np.float32]:
        """Return the probabilities of rows of token indexes, <float32>[rows, labels]; see `inference.probabilities`."""
        return inference.probabilities(self._infer, rows, batch_size=batch_size, progress=progress)

    def predict(
        self, texts: Sequence[str], *, batch_size: int = 256, progress: Callable[[int, int], None] | None = None
    ) -> list[Prediction]:
        """Label texts.

        Args:
            texts: any strings.
            batch_size: texts in a batch of the network; affects speed and memory, not results.
            progress: called with (texts done, texts), often enough for a progress bar.

        Returns:
            One prediction a text, in the same order. A text's prediction does not depend on the others.

        Raises:
            TypeError: `texts` is a single string, or has a value that is not a string.
        """
        _check_strings(texts)
        predictions: list[Prediction] = []
        chunk = _CHUNK_BATCHES * batch_size
        for start in range(0, len(texts), chunk):
            predictions += self._predict(
                texts[start : start + chunk], batch_size, _shifted(progress, start, len(texts))
            )
            if progress:
                progress(len(predictions), len(texts))
        return predictions

    def _predict(
        self, texts: Sequence[str], batch_size: int, progress: Callable[[int, int], None] | None
    ) -> list[Prediction]:
        read = [self.read(text) for text in texts]
        rows = [text.indexes for text in read if text.has_words]
        outputs = iter(self.probabilities(rows, batch_size=batch_size, progress=progress))
        return [self._prediction(text, next(outputs) if text.has_words else None) for text in read]

    def _prediction(self, text: ReadText, output: NDArray[np.float32] | None) -> Prediction:
        if output is None:
            return Prediction(None, None, (), NO_WORDS)
        best = int(output.argmax())
        probabilities = tuple(float(probability) for probability in output)
        return Prediction(self.manifest.label_names[best], probabilities[best], probabilities, self._note(text))

    def _note(self, text: ReadText) -> str | None:
        notes = []
        if text.n_total > len(text.tokens):
            end = "last" if self.manifest.text.keep == "tail" else "first"
            notes.append(f"only the {end} {len(text.tokens):,} of {text.n_total:,} tokens were read")
        if text.n_known == 0:
            notes.append(NONE_KNOWN)
        return "; ".join(notes) or None


def load(folder: str | Path) -> TextModel:
    """Load a bundle. Its files are compared with their checksums, and nothing in them is run or unpickled.

    Raises:
        DataError: it is not a bundle, of another format, incomplete or damaged, or has layers that are not registered.
    """
    folder = Path(folder)
    manifest = opened(folder, TextBundleManifest)
    model = TextModel(manifest, _network(folder / MODEL, manifest), Vocabulary.load(folder / VOCABULARY))
    n_outputs, n_labels = int(model.network.output_shape[-1]), len(manifest.label_names)
    if n_outputs != n_labels and (n_outputs, n_labels) != (1, 2):
        what = f"the model must have one output a label, it has {n_outputs} and {n_labels} label names; {REMEDY}"
        raise DataError(what, where=str(folder / MODEL))
    return model


def _network(path: Path, manifest: TextBundleManifest) -> keras.Model:
    try:
        return networks.load_network(path)
    except Exception as error:  # Keras' errors have no common type
        then, here = manifest.versions.get("keras", "unknown"), provenance.versions()["keras"]
        raise DataError(
            f"Keras can't load the model: {networks.reason(error)}; it was exported with keras {then}, this is {here}; "
            f"if the package {manifest.package!r} has layers of its own, import the module that registers them first",
            where=str(path),
        ) from error


def _check_strings(texts: Sequence[str]) -> None:
    if isinstance(texts, str):
        raise TypeError("predict takes a list of texts, got a single string: put it into a list")
    for i, text in enumerate(texts):
        if not isinstance(text, str):
            raise TypeError(f"every text must be a string, text {i} is {text!r}")


def _shifted(progress: Callable[[int, int], None] | None, start: int, total: int) -> Callable[[int, int], None] | None:
    """Add the texts before `start` to the progress of a chunk."""
    return None if progress is None else lambda done, _: progress(start + done, total)
