"""A bundle's network in a file: saved without what only training needs, loaded without running foreign code.

Try `save_network(network, path); own_layers(load_network(path))`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import keras

# imported to register their layers, which saved networks name
from sweepkit.nn import embedding, encoder, pooling, recurrent, ugrnn

_PACKAGE = "sweepkit>"  # of the names under which sweepkit's layers are registered
LAYER_MODULES = tuple(module.__name__ for module in (embedding, encoder, pooling, recurrent, ugrnn))


def save_network(network: keras.Model, path: Path) -> None:
    """Write a network without optimiser, loss and metrics.

    Raises:
        ValueError: it cannot be rebuilt from its own configuration; has Keras' message.
    """
    config = keras.saving.serialize_keras_object(network)
    config.pop("compile_config", None)
    bare = keras.saving.deserialize_keras_object(config, safe_mode=True)
    bare.set_weights(network.get_weights())
    bare.save(path)


def load_network(path: Path) -> keras.Model:
    """Read a network without running or unpickling anything; its layers must be those of Keras or registered ones.

    Raises:
        Exception: Keras cannot load the file; its errors have no common type.
    """
    return keras.saving.load_model(path, compile=False, safe_mode=True)


def reason(error: Exception) -> str:
    """Return the reason in an error of Keras, without the model's configuration around it."""
    innermost = str(error).rpartition("Exception encountered: ")[2]
    return innermost.partition("\n")[0].strip()[:300]


def own_layers(network: keras.Model) -> tuple[list[str], list[str]]:
    """Return the layers that plain Keras lacks: the names of sweepkit's, and of others."""
    names = sorted(set(_registered_names(keras.saving.serialize_keras_object(network))))
    ours = [name.removeprefix(_PACKAGE) for name in names if name.startswith(_PACKAGE)]
    return ours, [name for name in names if not name.startswith(_PACKAGE)]


def _registered_names(config: object) -> Iterator[str]:
    if isinstance(config, dict):
        module, name = config.get("module"), config.get("registered_name")
        # Keras sets the name for some of its own classes too
        if name and "class_name" in config and str(module).partition(".")[0] != "keras":
            yield str(name)
        for key, value in config.items():
            if key != "compile_config":
                yield from _registered_names(value)
    elif isinstance(config, list | tuple):
        for value in config:
            yield from _registered_names(value)
