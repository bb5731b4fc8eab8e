"""The running prediction: a model's prediction if the text ended after each of its words, and where it changes most.

Each prefix of the text, with the end token, is predicted as a text of its own, so this works for every model, including
one that reads backwards. Try `turns(running(model, model.read("not a good film")))`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sweepkit.tasks.text.vocabulary import END

if TYPE_CHECKING:
    from sweepkit.tasks.text.classifier import ReadText, TextModel

# smaller changes are not labelled
_LEAST = 0.02


@dataclass(frozen=True, slots=True)
class Turn:
    """A word with a large effect on the running prediction.

    Attributes:
        word: its place, counted from 0.
        label: the label whose probability grows most.
        gain: by how much it grows, in (0, 1].
    """

    word: int
    label: int
    gain: float


def n_words(read: ReadText) -> int:
    """Return the number of words that are read, without the end token."""
    return len(read.indexes) - int((read.indexes[-1:] == END).sum())


def running(model: TextModel, read: ReadText) -> NDArray[np.float32]:
    """Return the model's prediction for every prefix of a text.

    Returns:
        <float32>[words + 1, labels]: row 0 is the prediction for no words, row n for the first n words and the end
        token. The last row is the prediction for the text as it is read, which lacks its end token if a longer text
        was cut there.
    """
    words = read.indexes[: n_words(read)]
    prefixes = [np.append(words[:n], END).astype(np.int32) for n in range(len(words))]
    return model.probabilities([*prefixes, read.indexes])


def turns(predictions: NDArray[np.float32], *, most: int = 5) -> tuple[Turn, ...]:
    """Return the words that change the running prediction most, in the order of the text.

    Args:
        predictions: see `running`.
        most: how many words to return; changes of less than 0.02 are left out.
    """
    changes = np.diff(predictions, axis=0)
    gains = changes.max(axis=1)
    largest = [int(word) for word in np.argsort(-gains, kind="stable")[:most] if gains[word] >= _LEAST]
    return tuple(Turn(word, int(changes[word].argmax()), float(gains[word])) for word in sorted(largest))


def settled(predictions: NDArray[np.float32]) -> int:
    """Return the number of words after which the predicted label no longer changes; 0 if it never does."""
    labels = predictions.argmax(axis=1)
    others = np.flatnonzero(labels != labels[-1])
    return int(others[-1]) + 1 if len(others) else 0
