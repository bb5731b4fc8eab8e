"""The explanation of one model's prediction for one text, as plain numbers. `page` and `picture` draw it.

Try `explain(load("winner"), "not a good film", View()).heat.values`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sweepkit.errors import InputError
from sweepkit.tasks.text.explain.activations import Scan, choose, trace
from sweepkit.tasks.text.explain.options import LayerDirection, View
from sweepkit.tasks.text.explain.prefixes import Turn, n_words, running, settled, turns
from sweepkit.tasks.text.vocabulary import UNKNOWN

if TYPE_CHECKING:
    from sweepkit.tasks.text.bundle import TextBundleManifest
    from sweepkit.tasks.text.classifier import ReadText, TextModel


@dataclass(frozen=True)
class Heat:
    """The states of one direction of one recurrent layer.

    Attributes:
        layer: its number, counted from 1.
        direction: of reading.
        cell: LSTM, GRU, SimpleRNN, UGRNN.
        has_memory: whether the values are tanh(c) of a memory; otherwise they are the state h.
        n_units: number of units of the layer.
        units: those that are shown, in order.
        by_variance: whether these are the units that vary most, the most varying first.
        values: <float32>[tokens, len(units)], in [-1, 1].
    """

    layer: int
    direction: LayerDirection
    cell: str
    has_memory: bool
    n_units: int
    units: tuple[int, ...]
    by_variance: bool
    values: NDArray[np.float32]


@dataclass(frozen=True)
class Explanation:
    """A model's states and predictions while it reads a text.

    Attributes:
        manifest: of the model's bundle.
        tokens: those that the model reads, the end token last if that is among them.
        unknown: for each token, whether it is a word that the vocabulary lacks.
        n_words: number of tokens without the end token.
        n_total: tokens of the whole text, the end token included; more than `tokens` if it was too long.
        heat: None if no layer of the model is recurrent.
        running: <float32>[words + 1, labels], see `prefixes.running`.
        turns: the words that change the prediction most.
        settled: number of words after which the predicted label no longer changes.
    """

    manifest: TextBundleManifest
    tokens: tuple[str, ...]
    unknown: tuple[bool, ...]
    n_words: int
    n_total: int
    heat: Heat | None
    running: NDArray[np.float32]
    turns: tuple[Turn, ...]
    settled: int

    @property
    def label(self) -> int:
        """The label predicted for the whole text."""
        return int(self.running[-1].argmax())

    @property
    def probability(self) -> float:
        """The probability of that label."""
        return float(self.running[-1].max())


def explain(model: TextModel, text: str, view: View) -> Explanation:
    """Compute a model's states and predictions after every token of a text.

    Args:
        model: a loaded bundle.
        text: raw, as for `TextModel.predict`.
        view: which layer, direction and units.

    Raises:
        InputError: the text has no word; there is no such layer, direction or unit.
    """
    read = model.read(text)
    if not n_words(read):
        raise InputError(f"the text must have at least one word, got {text[:40]!r}", where="TEXT")
    scan = choose(model.network, view.layer, view.direction)
    heat = None if scan is None else _heat(model, scan, read, view)
    predictions = running(model, read)
    return Explanation(
        manifest=model.manifest,
        tokens=read.tokens,
        unknown=tuple(bool(index == UNKNOWN) for index in read.indexes),
        n_words=n_words(read),
        n_total=read.n_total,
        heat=heat,
        running=predictions,
        turns=turns(predictions),
        settled=settled(predictions),
    )


def _heat(model: TextModel, scan: Scan, read: ReadText, view: View) -> Heat:
    values = trace(model.network, scan, read.indexes)
    n_units = values.shape[1]
    if wrong := [unit for unit in view.units if not 0 <= unit < n_units]:
        raise InputError(
            f"units of layer {scan.number} must be in 0 to {n_units - 1}, got {', '.join(map(str, wrong))}",
            where="--units",
        )
    chosen = tuple(dict.fromkeys(view.units)) or most_varying(values, view.most)
    return Heat(
        layer=scan.number,
        direction=scan.direction,
        cell=scan.cell,
        has_memory=scan.has_memory,
        n_units=n_units,
        units=chosen,
        by_variance=not view.units,
        values=values[:, list(chosen)],
    )


def most_varying(values: NDArray[np.float32], most: int) -> tuple[int, ...]:
    """Return the units that vary most over the tokens, the most varying first, equal ones by number."""
    order = np.argsort(-values.astype(np.float64).var(axis=0), kind="stable")
    return tuple(int(unit) for unit in order[:most])
