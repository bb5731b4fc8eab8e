"""What decides a sweep's results, and how two sweeps differ in it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sweepkit.config.definition import SweepDefinition
from sweepkit.redaction import hidden_in


def identity(problem: SweepDefinition) -> dict[str, object]:
    """Return, as JSON, all that decides a sweep's results; a sweep goes on only where this is equal.

    More trials or a later last epoch extend a sweep and are left out. So is where the data came from: what
    counts is its content, and the key of that is known only once it is prepared.
    """
    config = problem.config
    return {
        "package": config.package,
        "objective": config.objective.model_dump(),
        "space": {str(param.pop("name")): param for param in problem.space.describe()},
        "search": config.search.model_dump(exclude={"trials"}),
        "stopping": config.stopping.model_dump(exclude={"max_epochs"}),
        "data": problem.data.model_dump(exclude={"source"}),
    }


def identity_of(problem: SweepDefinition, data_key: str) -> dict[str, Any]:  # a JSON object
    # through JSON, as the manifest will give it back
    return dict(json.loads(json.dumps(hidden_in({**identity(problem), "data_key": data_key}))))


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:  # JSON objects
    """Say in which values two identities differ, as `search.sampler was 'tpe' and is now 'random'`."""
    old, new = flat(before), flat(now)
    return [
        f"{key} was {old.get(key, 'absent')!r} and is now {new.get(key, 'absent')!r}"
        for key in old | new
        if old.get(key, "absent") != new.get(key, "absent")
    ]


def flat(value: object, prefix: str = "") -> dict[str, object]:
    """Return the leaves of nested mappings by their dotted names."""
    if not isinstance(value, Mapping):
        return {prefix: value}
    below = [flat(inner, f"{prefix}.{key}" if prefix else str(key)) for key, inner in value.items()]
    return {key: leaf for part in below for key, leaf in part.items()}
