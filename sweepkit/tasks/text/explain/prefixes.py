"""The running prediction: what a model would say if the text ended after each of its words, and where that turns.

Each beginning of the text is closed by the end token and given to the model whole, so that this holds for every model,
also for one that reads backwards. Try `turns(running(model, model.read("not a good film")))`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sweepkit.tasks.text.vocabulary import END

if TYPE_CHECKING:
    from sweepkit.tasks.text.classifier import ReadText, TextModel

# A change of less than this is not worth naming
_LEAST = 0.02


@dataclass(frozen=True, slots=True)
class Turn:
    """A word that changes the running prediction much.

    Attributes:
        word: its place, from 0.
        label: the label that gains most by it.
        gain: by how much that label's probability grows, in (0, 1].
    """

    word: int
    label: int
    gain: float


def n_words(read: ReadText) -> int:
    """Return how many words are read, the end token left out."""
    return len(read.indexes) - int((read.indexes[-1:] == END).sum())


def running(model: TextModel, read: ReadText) -> NDArray[np.float32]:
    """Return the model's prediction for every beginning of a text.

    Returns:
        <float32>[words + 1, labels]: row 0 is the prediction for no word at all, row n for the first n words and the
        end token. The last row is the prediction for the text as it is read, which lacks its end token if a
        longer text was cut there.
    """
    words = read.indexes[: n_words(read)]
    beginnings = [np.append(words[:n], END).astype(np.int32) for n in range(len(words))]
    return model.probabilities([*beginnings, read.indexes])


def turns(predictions: NDArray[np.float32], *, most: int = 5) -> tuple[Turn, ...]:
    """Return the words that change the running prediction most, in the order of the text.

    Args:
        predictions: as of `running`.
        most: how many at most; changes of less than 0.02 are left out.
    """
    changes = np.diff(predictions, axis=0)
    gains = changes.max(axis=1)
    largest = [int(word) for word in np.argsort(-gains, kind="stable")[:most] if gains[word] >= _LEAST]
    return tuple(Turn(word, int(changes[word].argmax()), float(gains[word])) for word in sorted(largest))


def settled(predictions: NDArray[np.float32]) -> int:
    """Return how many words must be read before the verdict is the final one and stays so; 0 if it always is."""
    verdicts = predictions.argmax(axis=1)
    others = np.flatnonzero(verdicts != verdicts[-1])
    return int(others[-1]) + 1 if len(others) else 0
