"""What MLflow accepts: the characters of a key, the lengths of values, how much fits into one request.

Beyond them MLflow refuses the whole request, so keys are changed and values are cut here, before they are sent.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any, NamedTuple

# from mlflow.utils.validation of MLflow 3, which allows 36 of a digest; 12 tell data apart and fit into a column
LONGEST_PARAM, LONGEST_TAG, LONGEST_DIGEST = 6000, 8000, 12
# 1000 entities in all: 800 + 100 + 100
_MOST_METRICS, _MOST_LABELS = 800, 100
_NOT_IN_KEYS = re.compile(r"[^\w\-./ ]")


class Batch(NamedTuple):
    """The entities of one request; any of them may be empty."""

    metrics: Sequence[Any]  # MLflow's entities, whose import takes seconds
    params: Sequence[Any]
    tags: Sequence[Any]


def key(name: str) -> str:
    """Return a name with each character that MLflow does not allow replaced."""
    return _NOT_IN_KEYS.sub("_", name)


def cut(values: Mapping[str, str], length: int) -> dict[str, str]:
    """Cut values to a length; their end is the least of what is lost when MLflow refuses them."""
    return {name: value[:length] for name, value in values.items()}


def batches(metrics: Sequence[Any], params: Sequence[Any], tags: Sequence[Any]) -> Iterator[Batch]:
    """Divide entities among as few requests as MLflow allows; one, as a rule."""
    chunks = zip_longest(
        _chunks(metrics, _MOST_METRICS), _chunks(params, _MOST_LABELS), _chunks(tags, _MOST_LABELS), fillvalue=()
    )
    return (Batch(*chunk) for chunk in chunks)


def _chunks(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    return (items[start : start + size] for start in range(0, len(items), size))
