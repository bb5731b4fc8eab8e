"""Whether a model's LSTM and GRU layers can take the cuDNN path on a GPU, asked on any machine.

Keras chooses the path when a layer is traced. What it cannot give to cuDNN silently runs many times slower; a
mask that turns out not to be right-padded, or a row of padding only, stops the training step with an
assertion. Neither shows on a CPU, so `problems` is asked before a sweep starts.

    for problem in problems(model): ...
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any  # Keras types neither layers nor tensors

import keras
import tensorflow as tf

_CUDNN_LAYERS = (keras.layers.LSTM, keras.layers.GRU)
_CUDNN_CELLS = (keras.layers.LSTMCell, keras.layers.GRUCell)


def problems(model: Any) -> list[str]:
    """Say which LSTM and GRU layers cannot take the cuDNN path, and why.

    Args:
        model: any Keras model or layer, built or not. Wrapped layers and models inside models are looked at.

    Returns:
        One sentence for each layer and reason, with what to do; empty if there is nothing to say. Layers that
        have no cuDNN kernel at all (SimpleRNN, UGRNN) are no problem. A mask that may reach an LSTM or GRU is
        one, even though a right-padded one would work: nothing here can know how the data will be padded.
    """
    found = []
    for owners in _chains(model, ()):
        layer = owners[-1]
        if isinstance(layer, _CUDNN_LAYERS):
            found += [f"{_named(layer)} {reason}" for reason in _reasons(layer)]
            found += [f"{_named(layer)} {reason}" for reason in _mask_reasons(owners)]
        elif isinstance(layer, keras.layers.RNN) and isinstance(_first_cell(layer), _CUDNN_CELLS):
            kind = type(_first_cell(layer)).__name__.removesuffix("Cell")
            found.append(f"{_named(layer)} runs {kind}Cell step by step; use keras.layers.{kind}")
    return found


def _chains(layer: Any, owners: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    """Yield every layer below, each with the layers that own it, outermost first and itself last."""
    chain = (*owners, layer)
    yield chain
    for child in _children(layer):
        if child not in chain:
            yield from _chains(child, chain)


def _children(layer: Any) -> list[Any]:
    """The layers that a layer owns directly."""
    if isinstance(layer, keras.Sequential):
        return list(layer.layers)  # a built one also tracks a Functional model of the same layers
    return list(layer._flatten_layers(include_self=False, recursive=False))  # no public way sees into wrappers


def _reasons(layer: Any) -> Iterator[str]:
    """The arguments that Keras asks about before it calls cuDNN, in its order."""
    if layer.use_cudnn is False:
        yield "has use_cudnn=False; leave it at 'auto'"
    if layer.activation not in (keras.activations.tanh, keras.ops.tanh, tf.tanh):
        yield f"has activation={_label(layer.activation)}; cuDNN computes tanh only"
    if layer.recurrent_activation not in (keras.activations.sigmoid, keras.ops.sigmoid, tf.sigmoid):
        yield f"has recurrent_activation={_label(layer.recurrent_activation)}; cuDNN computes sigmoid only"
    if not layer.use_bias:
        yield "has use_bias=False; cuDNN needs the bias"
    if layer.unroll:
        yield "has unroll=True; cuDNN takes the whole sequence"
    if layer.recurrent_dropout:
        yield f"has recurrent_dropout={layer.recurrent_dropout!r}; drop between layers instead"
    if isinstance(layer, keras.layers.GRU) and not layer.reset_after:
        yield "has reset_after=False; cuDNN resets after the product"


def _mask_reasons(owners: tuple[Any, ...]) -> Iterator[str]:
    if _mask_arrives(owners):
        # a custom layer can compute masks too, and nothing marks it
        sources = ", ".join(_named(source) for source in _mask_sources(owners[0])) or "a custom layer"
        yield (
            f"is handed a mask by {sources}: on a GPU a left-padded row, or one of padding only, stops "
            "training; use no mask and pool by sequence_length (sweepkit.nn.pooling)"
        )


def _mask_arrives(owners: tuple[Any, ...]) -> bool:
    """Whether the layer, or one that owns it, is called with a masked tensor, as far as can be seen."""
    if any(_is_masked(call) for owner in owners for call in owner._inbound_nodes):
        return True
    # nothing shows what an unbuilt Sequential or a subclassed model passes to which of its layers
    opaque = (owner for owner in owners[:-1] if not all(child._inbound_nodes for child in _children(owner)))
    return any(True for owner in opaque for _ in _mask_sources(owner))


def _is_masked(call: Any) -> bool:
    """Whether a symbolic call was given a mask, as an argument or along with its inputs."""
    masks = keras.tree.flatten(call.arguments.kwargs.get("mask"))
    masks += [getattr(tensor, "_keras_mask", None) for tensor in call.input_tensors]
    return any(mask is not None for mask in masks)


def _mask_sources(model: Any) -> Iterator[Any]:
    for owners in _chains(model, ()):
        layer = owners[-1]
        if isinstance(layer, keras.layers.Masking) or getattr(layer, "mask_zero", False):
            yield layer


def _first_cell(layer: Any) -> Any:
    cells = getattr(layer.cell, "cells", [layer.cell])
    return next((cell for cell in cells if isinstance(cell, _CUDNN_CELLS)), None)


def _named(layer: Any) -> str:
    return f"{type(layer).__name__} {layer.name!r}"


def _label(activation: Any) -> str:
    return repr(getattr(activation, "__name__", activation))
