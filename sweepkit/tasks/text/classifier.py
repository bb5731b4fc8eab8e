"""A bundle in use: raw texts in, labels out.

Not for files of texts: that is `texts`. Any string gets an answer, or a note that says why there is none. Try
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

# texts that are read before the network is asked: enough of them for batches of similar length
_CHUNK_BATCHES = 8


@dataclass(frozen=True, slots=True)
class ReadText:
    """A text as the model reads it.

    Attributes:
        tokens: after cutting to what the model reads; "<end>" stands for the end of the text.
        indexes: theirs, <int32>[time].
        n_total: tokens of the whole text, the end token included.
        n_known: of the words that are read, how many the vocabulary has; the end token is not counted.
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
    """What a model says of a text.

    Attributes:
        label: the most probable one; None for a text without words.
        probability: of that label.
        probabilities: of every label, in the order of `TextBundleManifest.label_names`; empty where there is no label.
        note: what to know about the answer, in a user's words; None when there is nothing.
    """

    label: str | None
    probability: float | None
    probabilities: tuple[float, ...]
    note: str | None


class TextModel:
    """A loaded bundle.

    Attributes:
        facts: what it says of itself.
        network: for inference, not compiled.
        vocabulary: the words that it knows.
    """

    def __init__(self, facts: TextBundleManifest, network: keras.Model, vocabulary: Vocabulary) -> None:
        self.facts, self.network, self.vocabulary = facts, network, vocabulary
        self._infer = inference.inference(network)

    def read(self, text: str) -> ReadText:
        """Turn a raw text into what the model reads."""
        settings = self.facts.text
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
            batch_size: texts that the network reads at a time; decides speed and memory, not results.
            progress: called with (texts done, texts), often enough for a progress bar.

        Returns:
            One prediction a text, in the same order. A text's prediction does not depend on the others.

        Raises:
            TypeError: `texts` is a single string, or holds something else than strings.
        """
        _refuse_others(texts)
        found: list[Prediction] = []
        chunk = _CHUNK_BATCHES * batch_size
        for start in range(0, len(texts), chunk):
            found += self._predict(texts[start : start + chunk], batch_size, _shifted(progress, start, len(texts)))
            if progress:
                progress(len(found), len(texts))
        return found

    def _predict(
        self, texts: Sequence[str], batch_size: int, progress: Callable[[int, int], None] | None
    ) -> list[Prediction]:
        read = [self.read(text) for text in texts]
        asked = [text.indexes for text in read if text.has_words]
        answers = iter(self.probabilities(asked, batch_size=batch_size, progress=progress))
        return [self._prediction(text, next(answers) if text.has_words else None) for text in read]

    def _prediction(self, text: ReadText, answer: NDArray[np.float32] | None) -> Prediction:
        if answer is None:
            return Prediction(None, None, (), NO_WORDS)
        best = int(answer.argmax())
        probabilities = tuple(float(probability) for probability in answer)
        return Prediction(self.facts.label_names[best], probabilities[best], probabilities, self._note(text))

    def _note(self, text: ReadText) -> str | None:
        notes = []
        if text.n_total > len(text.tokens):
            end = "last" if self.facts.text.keep == "tail" else "first"
            notes.append(f"only the {end} {len(text.tokens):,} of {text.n_total:,} tokens were read")
        if text.n_known == 0:
            notes.append(NONE_KNOWN)
        return "; ".join(notes) or None


def load(folder: str | Path) -> TextModel:
    """Load a bundle. Its files are compared with their checksums, and nothing in them is run or unpickled.

    Raises:
        DataError: it is no bundle, of another format, incomplete or damaged, or needs layers that are not there.
    """
    folder = Path(folder)
    facts = opened(folder, TextBundleManifest)
    model = TextModel(facts, _network(folder / MODEL, facts), Vocabulary.load(folder / VOCABULARY))
    n_outputs, n_labels = int(model.network.output_shape[-1]), len(facts.label_names)
    if n_outputs != n_labels and (n_outputs, n_labels) != (1, 2):
        what = f"the model must have one output a label, it has {n_outputs} and {n_labels} label names; {REMEDY}"
        raise DataError(what, where=str(folder / MODEL))
    return model


def _network(path: Path, facts: TextBundleManifest) -> keras.Model:
    try:
        return networks.load_network(path)
    except Exception as error:  # Keras raises what its parts raise
        then, here = facts.versions.get("keras", "unknown"), provenance.versions()["keras"]
        raise DataError(
            f"Keras can't load the model: {networks.reason(error)}; it was made with keras {then}, this is {here}, and "
            f"layers of the package {facts.package!r} are known only after the import of the module that registers "
            "them",
            where=str(path),
        ) from error


def _refuse_others(texts: Sequence[str]) -> None:
    if isinstance(texts, str):
        raise TypeError("predict takes a list of texts, got a single string: put it into a list")
    for i, text in enumerate(texts):
        if not isinstance(text, str):
            raise TypeError(f"every text must be a string, text {i} is {text!r}")


def _shifted(progress: Callable[[int, int], None] | None, start: int, total: int) -> Callable[[int, int], None] | None:
    """Count a part's progress from where the part starts."""
    return None if progress is None else lambda done, _: progress(start + done, total)
