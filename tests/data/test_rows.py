"""Flat rows."""

from __future__ import annotations

import numpy as np

from sweepkit.data.rows import Rows

THREE = Rows.of([[4, 5], [6], [7, 8, 9]], [0, 1, 0])


def as_lists(rows: Rows) -> list[list[int]]:
    return [rows.tokens[rows.offsets[i] : rows.offsets[i + 1]].tolist() for i in range(len(rows))]


def test_rows_can_be_taken_in_any_order() -> None:
    taken = THREE.take(np.array([2, 0, 2]))
    assert as_lists(taken) == [[7, 8, 9], [4, 5], [7, 8, 9]]
    assert taken.targets.tolist() == [0, 0, 0]


def test_a_part_starts_at_zero() -> None:
    part = THREE.part(1, 3)
    assert as_lists(part) == [[6], [7, 8, 9]]
    assert part.offsets.tolist() == [0, 1, 4]
    assert part.targets.tolist() == [1, 0]


def test_a_part_beyond_the_end_is_shorter() -> None:
    assert as_lists(THREE.part(2, 9)) == [[7, 8, 9]]
    assert len(THREE.part(3, 9)) == 0


def test_parts_join_to_the_whole() -> None:
    joined = Rows.join([THREE.part(0, 1), THREE.part(1, 3)])
    assert as_lists(joined) == as_lists(THREE)
    assert joined.tokens.dtype == np.int32
    assert len(Rows.join([])) == 0
