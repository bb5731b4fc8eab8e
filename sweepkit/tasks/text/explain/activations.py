"""The states of a model's recurrent layers after every token, found by stepping each layer's own cell.

A layer gives away its output only, and an LSTM's memory is not in it. So the model is cut off before the layer, and
the layer's cell is called once for each token. Any Keras model will do whose recurrent layers stand in its own graph,
alone or in a `Bidirectional`. Try `trace(network, choose(network), row)`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any  # Keras types neither layers nor tensors

import keras
import numpy as np
from numpy.typing import NDArray

from sweepkit.errors import InputError
from sweepkit.tasks.text.explain.options import LayerDirection


@dataclass(frozen=True)
class Scan:
    """One direction of one recurrent layer.

    Attributes:
        name: of the Keras layer.
        number: which layer, counted from the text upwards, from 1; both directions of a layer have the same.
        direction: of reading.
        layer: the Keras layer.
        source: the symbolic tensors that it reads: <float>[batch, time, features]; or <float>[distinct, features] and
            <int32>[batch, time], which of these vectors each step is.
        turns_itself: whether the layer reverses what it reads; a backward one that does not is handed reversed rows.
    """

    name: str
    number: int
    direction: LayerDirection
    layer: Any
    source: tuple[Any, ...]
    turns_itself: bool

    @property
    def cell(self) -> str:
        """The kind of its cell: LSTM, GRU, SimpleRNN, UGRNN."""
        return type(self.layer.cell).__name__.removesuffix("Cell")

    @property
    def has_memory(self) -> bool:
        """Whether the cell keeps a memory beside its output, as an LSTM does."""
        return isinstance(self.layer.cell, keras.layers.LSTMCell)


def scans(network: Any) -> list[Scan]:
    """Return every direction of every recurrent layer, in the order of the model.

    A layer reads backwards if Keras' `go_backwards` says so, or if its name ends in `_backward`: then the model hands
    it reversed rows, as `nn.encoder` does.

    Raises:
        InputError: a recurrent layer is out of reach: inside another layer, called twice, or given its first state.
    """
    found: list[Scan] = []
    number, seen = 1, set[str]()
    for owner in network.layers:
        for layer in _recurrent(owner):
            turns_itself = bool(layer.go_backwards)
            is_handed_reversed = layer is owner and layer.name.endswith("_backward")
            direction: LayerDirection = "backward" if turns_itself or is_handed_reversed else "forward"
            if direction in seen:
                number, seen = number + 1, set()
            seen.add(direction)
            found.append(Scan(layer.name, number, direction, layer, _source(owner), turns_itself))
    _check_all_found(network, found)
    return found


def choose(network: Any, number: int | None = None, direction: LayerDirection = "forward") -> Scan | None:
    """Return one direction of one layer, the top one unless a number is given; None if no layer is recurrent.

    Raises:
        InputError: there is no such layer, or it does not read in that direction; or what `scans` raises.
    """
    found = scans(network)
    if not found:
        return None
    top = found[-1].number
    number = top if number is None else number
    if not 1 <= number <= top:
        raise InputError(f"a layer must be in 1 to {top}, which are the recurrent ones, got {number}", where="--layer")
    for scan in found:
        if (scan.number, scan.direction) == (number, direction):
            return scan
    others = " and ".join(scan.direction for scan in found if scan.number == number)
    raise InputError(f"recurrent layer {number} reads {others} only, got {direction!r}", where="--direction")


def states(network: Any, scan: Scan, row: NDArray[np.int32]) -> tuple[NDArray[np.float32], ...]:
    """Return each of the cell's states after every token, the output first, in the order of the text.

    Args:
        row: <int32>[time], token indexes without padding.

    Returns:
        <float32>[time, units] for each state: (h,), or (h, c) for an LSTM.
    """
    inputs = _before(network, scan, row)
    steps, current = [], scan.layer.get_initial_state(batch_size=1)
    for step in inputs[::-1] if scan.turns_itself else inputs:
        _, current = scan.layer.cell(keras.ops.convert_to_tensor(step[None]), current)
        steps.append([np.asarray(state, np.float32)[0] for state in current])
    by_state = (np.stack(values) for values in zip(*steps, strict=True))
    return tuple(values[::-1] if scan.direction == "backward" else values for values in by_state)


def trace(network: Any, scan: Scan, row: NDArray[np.int32]) -> NDArray[np.float32]:
    """Return what the layer remembers after every token: tanh(c) of an LSTM, the state h of every other cell.

    Args:
        row: as of `states`.

    Returns:
        <float32>[time, units], in the order of the text. In [-1, 1] for cells that end in tanh, as Keras' do.
    """
    found = states(network, scan, row)
    remembered: NDArray[np.float32] = np.tanh(found[1]) if scan.has_memory else found[0]
    return remembered


def _recurrent(owner: Any) -> list[Any]:
    if isinstance(owner, keras.layers.Bidirectional):
        return [owner.forward_layer, owner.backward_layer]
    return [owner] if isinstance(owner, keras.layers.RNN) else []


def _source(owner: Any) -> tuple[Any, ...]:
    if len(owner._inbound_nodes) != 1:  # no public way tells how often a layer is called
        raise InputError(f"recurrent layer {owner.name!r} must be called once, so that it has one input")
    call = owner._inbound_nodes[0].arguments
    if call.kwargs.get("initial_state") is not None or len(call.args) > 1:
        raise InputError(f"recurrent layer {owner.name!r} must start from zeros, not from a state that it is given")
    places = call.kwargs.get("places")
    return (call.args[0],) if places is None else (call.args[0], places)


def _check_all_found(network: Any, found: list[Scan]) -> None:
    reached = [scan.layer for scan in found]
    for layer in network._flatten_layers():  # no public way sees into wrappers
        if not isinstance(layer, keras.layers.RNN):
            continue
        if not any(layer is other for other in reached):
            raise InputError(f"recurrent layer {layer.name!r} must stand in the model's own graph, not inside another")
        if isinstance(layer.cell, keras.layers.StackedRNNCells):
            raise InputError(f"recurrent layer {layer.name!r} must have one cell, not several on each other")


def _before(network: Any, scan: Scan, row: NDArray[np.int32]) -> NDArray[np.float32]:
    """Return what a layer reads of one row: <float32>[time, features]."""
    below = keras.Model(network.input, dict(zip(("sequences", "places"), scan.source, strict=False)))
    inputs = {"token_indexes": row[None], "sequence_length": np.array([len(row)], np.int32)}
    found = {name: np.asarray(tensor) for name, tensor in below(inputs, training=False).items()}
    read: NDArray[np.float32] = found["sequences"][found["places"][0] if "places" in found else 0]
    return read
