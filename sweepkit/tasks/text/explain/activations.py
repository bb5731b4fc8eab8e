"""The states of a model's recurrent layers after every token, computed by stepping each layer's own cell.

A layer returns its output only, which lacks an LSTM's memory. So the model is cut before the layer, and the layer's
cell is called once for each token. The recurrent layers must be in the model's own graph, alone or in a
`Bidirectional`. Try `trace(network, choose(network), row)`.
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
        number: of the layer, counted from the text upwards, from 1; the same for both directions of a layer.
        direction: of reading.
        layer: the Keras layer.
        source: the layer's symbolic inputs: <float>[batch, time, features]; or <float>[distinct, features] and
            <int32>[batch, time], the vector of each step.
        reverses: whether the layer reverses its input; a backward one that does not has reversed rows as input.
    """

    name: str
    number: int
    direction: LayerDirection
    layer: Any
    source: tuple[Any, ...]
    reverses: bool

    @property
    def cell(self) -> str:
        """The kind of cell: LSTM, GRU, SimpleRNN, UGRNN."""
        return type(self.layer.cell).__name__.removesuffix("Cell")

    @property
    def has_memory(self) -> bool:
        """Whether the cell keeps a memory beside its output, as an LSTM does."""
        return isinstance(self.layer.cell, keras.layers.LSTMCell)


def scans(network: Any) -> list[Scan]:
    """Return every direction of every recurrent layer, in the order of the model.

    A layer reads backwards if Keras' `go_backwards` is set, or if its name ends in `_backward`, by which `nn.encoder`
    names the layers whose input it reverses.

    Raises:
        InputError: a recurrent layer is inside another layer, is called twice, or has an initial state as input.
    """
    reached: list[Scan] = []
    number, seen = 1, set[str]()
    for owner in network.layers:
        for layer in _recurrent(owner):
            reverses = bool(layer.go_backwards)
            has_reversed_input = layer is owner and layer.name.endswith("_backward")
            direction: LayerDirection = "backward" if reverses or has_reversed_input else "forward"
            # a direction that the current number already has belongs to the next layer
            if direction in seen:
                number, seen = number + 1, set()
            seen.add(direction)
            reached.append(Scan(layer.name, number, direction, layer, _source(owner), reverses))
    _check_all_reached(network, reached)
    return reached


def choose(network: Any, number: int | None = None, direction: LayerDirection = "forward") -> Scan | None:
    """Return one direction of one layer, the top one unless a number is given; None if no layer is recurrent.

    Raises:
        InputError: there is no such layer, or it does not read in that direction; or what `scans` raises.
    """
    candidates = scans(network)
    if not candidates:
        return None
    top = candidates[-1].number
    number = top if number is None else number
    if not 1 <= number <= top:
        raise InputError(f"a recurrent layer must be in 1 to {top}, got {number}", where="--layer")
    for scan in candidates:
        if (scan.number, scan.direction) == (number, direction):
            return scan
    others = " and ".join(scan.direction for scan in candidates if scan.number == number)
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
    for step in inputs[::-1] if scan.reverses else inputs:
        _, current = scan.layer.cell(keras.ops.convert_to_tensor(step[None]), current)
        steps.append([np.asarray(state, np.float32)[0] for state in current])
    by_state = (np.stack(values) for values in zip(*steps, strict=True))
    return tuple(values[::-1] if scan.direction == "backward" else values for values in by_state)


def trace(network: Any, scan: Scan, row: NDArray[np.int32]) -> NDArray[np.float32]:
    """Return the layer's memory after every token: tanh(c) of an LSTM, the state h of every other cell.

    Args:
        row: see `states`.

    Returns:
        <float32>[time, units], in the order of the text. In [-1, 1] for cells that end in tanh, as Keras' do.
    """
    outputs, *memory = states(network, scan, row)
    values: NDArray[np.float32] = np.tanh(memory[0]) if scan.has_memory else outputs
    return values


def _recurrent(owner: Any) -> list[Any]:
    if isinstance(owner, keras.layers.Bidirectional):
        return [owner.forward_layer, owner.backward_layer]
    return [owner] if isinstance(owner, keras.layers.RNN) else []


def _source(owner: Any) -> tuple[Any, ...]:
    if len(owner._inbound_nodes) != 1:  # Keras has no public way to count a layer's calls
        raise InputError(f"recurrent layer {owner.name!r} must be called once, so that it has one input")
    call = owner._inbound_nodes[0].arguments
    if call.kwargs.get("initial_state") is not None or len(call.args) > 1:
        raise InputError(f"recurrent layer {owner.name!r} must start from zeros, not from an initial state")
    places = call.kwargs.get("places")
    return (call.args[0],) if places is None else (call.args[0], places)


def _check_all_reached(network: Any, reached: list[Scan]) -> None:
    for layer in network._flatten_layers():  # Keras has no public way to list layers inside of others
        if not isinstance(layer, keras.layers.RNN):
            continue
        if not any(layer is scan.layer for scan in reached):
            raise InputError(
                f"recurrent layer {layer.name!r} must be in the model's own graph, not inside another layer"
            )
        if isinstance(layer.cell, keras.layers.StackedRNNCells):
            raise InputError(f"recurrent layer {layer.name!r} must have one cell, not a stack of cells")


def _before(network: Any, scan: Scan, row: NDArray[np.int32]) -> NDArray[np.float32]:
    """Return a layer's input for one row: <float32>[time, features]."""
    below = keras.Model(network.input, dict(zip(("sequences", "places"), scan.source, strict=False)))
    inputs = {"token_indexes": row[None], "sequence_length": np.array([len(row)], np.int32)}
    outputs = {name: np.asarray(tensor) for name, tensor in below(inputs, training=False).items()}
    # of distinct vectors, `places` has the one of each step; otherwise there is one row
    sequence: NDArray[np.float32] = outputs["sequences"][outputs["places"][0] if "places" in outputs else 0]
    return sequence
