"""The identity of a sweep, which is everything in its definition that determines results, and how two differ."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sweepkit.config.definition import SweepDefinition
from sweepkit.redaction import hidden_in


def identity(definition: SweepDefinition) -> dict[str, object]:
    """Return, as JSON, everything that determines a sweep's results; a sweep is resumed only if it is equal.

    More trials or a later last epoch extend a sweep and are left out. The source of the data is left out too: only
    the content counts, and its key exists only once the data is prepared (see `identity_of`).
    """
    config = definition.config
    return {
        "package": config.package,
        "objective": config.objective.model_dump(),
        "space": {str(param.pop("name")): param for param in definition.space.describe()},
        "search": config.search.model_dump(exclude={"trials"}),
        "stopping": config.stopping.model_dump(exclude={"max_epochs"}),
        "data": definition.data.model_dump(exclude={"source"}),
    }


def identity_of(definition: SweepDefinition, data_key: str) -> dict[str, Any]:  # a JSON object
    """Return the identity with the key of the prepared data, as a sweep's manifest stores it."""
    everything = {**identity(definition), "data_key": data_key}
    # through JSON, which makes tuples lists: comparable with an identity read from a manifest
    return dict(json.loads(json.dumps(hidden_in(everything))))


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:  # JSON objects
    """List the values in which two identities differ, as `search.sampler was 'tpe' and is now 'random'`."""
    old, new = flat(before), flat(now)
    return [
        f"{key} was {old.get(key, 'absent')!r} and is now {new.get(key, 'absent')!r}"
        for key in old | new
        if old.get(key, "absent") != new.get(key, "absent")
    ]


def flat(value: object, prefix: str = "") -> dict[str, object]:
    """Return the leaves of nested mappings by their dotted keys."""
    if not isinstance(value, Mapping):
        return {prefix: value}
    below = [flat(inner, f"{prefix}.{key}" if prefix else str(key)) for key, inner in value.items()]
    return {key: leaf for part in below for key, leaf in part.items()}
