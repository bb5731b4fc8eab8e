"""The choice of training rows for validation: a pure function of labels, groups and seed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.int8]
Groups = NDArray[np.uint64]


def carve(labels: Labels, groups: Groups, *, fraction: float, seed: int) -> NDArray[np.bool_]:
    """Mark the rows that become validation: the same share of each label, and no group on both sides.

    The split depends on which rows there are, not on their order. Sizes are exact wherever whole groups allow it:
    `round(fraction * rows)` in all. A group whose rows differ in label counts under its smallest.

    Args:
        labels: <int>[rows].
        groups: <uint64>[rows]; rows of one group, like rows with the same text, stay together.
        fraction: share of the rows, in (0, 1).
        seed: of the choice.

    Returns:
        <bool>[rows], true for validation.
    """
    by_group = np.lexsort((labels, groups))
    starts = np.flatnonzero(np.r_[True, np.diff(groups[by_group]) != 0]) if len(groups) else np.empty(0, np.int64)
    sizes = np.diff(np.r_[starts, len(groups)])
    group_labels = labels[by_group[starts]]
    random = np.random.default_rng(seed)
    chosen = np.zeros(len(starts), np.bool_)
    for label, n_rows in _targets(group_labels, sizes, fraction).items():
        members = random.permutation(np.flatnonzero(group_labels == label))
        chosen[_fill(members, sizes, n_rows)] = True
    valid = np.zeros(len(labels), np.bool_)
    valid[by_group] = np.repeat(chosen, sizes)
    return valid


def _targets(group_labels: Labels, sizes: NDArray[np.int64], fraction: float) -> dict[int, int]:
    """Return how many rows of each label validation gets: rounded down, then the largest remainders up."""
    n_rows = {int(label): int(sizes[group_labels == label].sum()) for label in np.unique(group_labels)}
    exact = {label: fraction * rows for label, rows in n_rows.items()}
    targets = {label: int(share) for label, share in exact.items()}
    missing = round(fraction * sum(n_rows.values())) - sum(targets.values())
    for label in sorted(exact, key=lambda label: (targets[label] - exact[label], label))[:missing]:
        targets[label] += 1
    return targets


def _fill(members: NDArray[np.int64], sizes: NDArray[np.int64], n_rows: int) -> list[int]:
    """Choose members in order until they have `n_rows` rows; one that is larger than the remainder is skipped."""
    chosen: list[int] = []
    for member in members.tolist():
        if n_rows == 0:
            break
        if sizes[member] <= n_rows:
            chosen.append(member)
            n_rows -= int(sizes[member])
    return chosen
