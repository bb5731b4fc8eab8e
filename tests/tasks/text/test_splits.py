"""Carving validation from train."""

from __future__ import annotations

import numpy as np
import pytest

from sweepkit.tasks.text.splits import carve


def rows(n_rows: int, n_groups: int, positive: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Make rows in groups; a group has one label."""
    random = np.random.default_rng(seed)
    group = random.permutation(np.arange(n_rows) % n_groups)
    return (np.arange(n_groups) < positive * n_groups)[group].astype(np.int8), group.astype(np.uint64) * 977


@pytest.mark.parametrize("fraction", [0.05, 0.2, 0.5])
@pytest.mark.parametrize(("n_rows", "n_groups", "positive"), [(1000, 1000, 0.5), (1000, 930, 0.5), (997, 900, 0.13)])
@pytest.mark.parametrize("seed", [0, 1])
def test_sizes_are_exact_labels_are_stratified_and_no_group_is_on_both_sides(
    n_rows: int, n_groups: int, positive: float, fraction: float, seed: int
) -> None:
    labels, groups = rows(n_rows, n_groups, positive, seed)
    valid = carve(labels, groups, fraction=fraction, seed=seed)
    assert valid.sum() == round(fraction * n_rows)
    for label in (0, 1):
        assert abs(valid[labels == label].sum() - fraction * (labels == label).sum()) <= 1
    assert not set(groups[valid]) & set(groups[~valid])


def test_the_seed_decides() -> None:
    labels, groups = rows(1000, 1000, 0.5, 0)
    one, same, other = (carve(labels, groups, fraction=0.2, seed=seed) for seed in (1, 1, 2))
    assert (one == same).all()
    assert (one != other).any()


def test_the_order_of_rows_does_not_matter() -> None:
    labels, groups = rows(500, 480, 0.5, 0)
    order = np.random.default_rng(9).permutation(500)
    valid = carve(labels, groups, fraction=0.2, seed=3)
    assert (carve(labels[order], groups[order], fraction=0.2, seed=3) == valid[order]).all()


def test_a_group_larger_than_validation_stays_in_train() -> None:
    labels, groups = np.zeros(20, np.int8), np.array([7] * 10 + list(range(100, 110)), np.uint64)
    valid = carve(labels, groups, fraction=0.2, seed=0)
    assert valid.sum() == 4
    assert not valid[:10].any()


def test_a_text_with_two_labels_stays_on_one_side() -> None:
    labels, groups = np.array([0, 1, 0, 1, 0, 1], np.int8), np.array([5, 5, 1, 2, 3, 4], np.uint64)
    for seed in range(20):
        valid = carve(labels, groups, fraction=0.34, seed=seed)
        assert valid[0] == valid[1]


def test_nothing_is_carved_from_nothing() -> None:
    assert carve(np.empty(0, np.int8), np.empty(0, np.uint64), fraction=0.2, seed=0).shape == (0,)
