"""Check on any machine whether the LSTM and GRU layers of a model can use cuDNN on a GPU.

Keras selects the implementation when a layer is traced. A layer that cuDNN cannot compute silently runs many times
slower; a mask that is not right-padded, or a row of padding only, stops the training step with an assertion. Neither
shows on a CPU, so a sweep checks its models with `issues` before it starts.

    for issue in issues(model): ...
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any  # Keras types neither layers nor tensors

import keras
import tensorflow as tf

_CUDNN_LAYERS = (keras.layers.LSTM, keras.layers.GRU)
_CUDNN_CELLS = (keras.layers.LSTMCell, keras.layers.GRUCell)


def issues(model: Any) -> list[str]:
    """List the LSTM and GRU layers that cannot use cuDNN, with the reasons.

    Args:
        model: any Keras model or layer, built or not. Layers inside wrappers and inner models are checked too.

    Returns:
        One sentence for each layer and reason, with the remedy; empty without issues. Layers that have no cuDNN kernel
        at all (SimpleRNN, UGRNN) are not an issue. A mask that may reach an LSTM or GRU is an issue, although cuDNN
        accepts a right-padded one: the padding of the data is unknown here.
    """
    sentences = []
    for owners in _chains(model, ()):
        layer = owners[-1]
        if isinstance(layer, _CUDNN_LAYERS):
            sentences += [f"{_named(layer)} {reason}" for reason in _reasons(layer)]
            sentences += [f"{_named(layer)} {reason}" for reason in _mask_reasons(owners)]
        elif isinstance(layer, keras.layers.RNN) and isinstance(_first_cell(layer), _CUDNN_CELLS):
            kind = type(_first_cell(layer)).__name__.removesuffix("Cell")
            sentences.append(f"{_named(layer)} runs {kind}Cell step by step; use keras.layers.{kind}")
    return sentences


def _chains(layer: Any, owners: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    """Yield a layer and every layer inside, each as the chain of its owners, outermost first, and the layer itself."""
    chain = (*owners, layer)
    yield chain
    for child in _children(layer):
        if child not in chain:
            yield from _chains(child, chain)


def _children(layer: Any) -> list[Any]:
    """Return the layers that a layer owns directly."""
    if isinstance(layer, keras.Sequential):
        return list(layer.layers)  # a built one also tracks a Functional model of the same layers
    # private, because there is no public access to the layers of wrappers
    return list(layer._flatten_layers(include_self=False, recursive=False))


def _reasons(layer: Any) -> Iterator[str]:
    """Yield the arguments that rule out cuDNN, in the order in which Keras checks them."""
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
        # a custom layer can compute masks without any attribute that shows it
        sources = ", ".join(_named(source) for source in _mask_sources(owners[0])) or "a custom layer"
        yield (
            f"receives a mask from {sources}: on a GPU, a left-padded row or a row of padding only stops "
            "training; use no mask and pool by sequence_length (sweepkit.nn.pooling)"
        )


def _mask_arrives(owners: tuple[Any, ...]) -> bool:
    """Whether the layer or one of its owners is called with a masked tensor, as far as the graph shows."""
    if any(_is_masked(call) for owner in owners for call in owner._inbound_nodes):
        return True
    # the calls inside an unbuilt Sequential or a subclassed model are unknown; assume that its masks reach every layer
    opaque = (owner for owner in owners[:-1] if not all(child._inbound_nodes for child in _children(owner)))
    return any(True for owner in opaque for _ in _mask_sources(owner))


def _is_masked(call: Any) -> bool:
    """Whether a symbolic call has a mask, as an argument or attached to its inputs."""
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
