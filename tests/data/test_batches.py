"""Batches from rows in memory."""

from __future__ import annotations

import numpy as np
import pytest

from sweepkit.data.batches import WINDOW_BATCHES, Batch, BatchSettings, eval_batches, train_batches
from sweepkit.data.rows import Rows


def numbered(n_rows: int, seed: int = 0) -> Rows:
    """Rows of 1 to 30 tokens; the target is the row's number, the tokens count up from it."""
    lengths = np.random.default_rng(seed).integers(1, 31, n_rows)
    return Rows.of([list(range(i + 1, i + 1 + length)) for i, length in enumerate(lengths)], range(n_rows))


def one(tokens: list[int], reading: BatchSettings) -> Batch:
    return next(eval_batches(Rows.of([tokens], [1]), reading))


def same(left: list[Batch], right: list[Batch]) -> bool:
    return len(left) == len(right) and all(
        np.array_equal(a, b) for one, two in zip(left, right, strict=True) for a, b in zip(one, two, strict=True)
    )


@pytest.mark.parametrize(
    ("keep", "max_len", "kept"),
    [("tail", 2, [8, 9]), ("head", 2, [6, 7]), ("tail", 4, [6, 7, 8, 9]), ("head", 9, [6, 7, 8, 9]), ("tail", 1, [9])],
)
def test_the_wanted_end_of_a_row_is_kept(keep: str, max_len: int, kept: list[int]) -> None:
    batch = one([6, 7, 8, 9], BatchSettings(batch_size=3, max_len=max_len, keep=keep))
    assert batch.token_indexes.tolist() == [kept]
    assert batch.sequence_length.tolist() == [len(kept)]


def test_rows_are_padded_on_the_right_to_the_longest_of_the_batch() -> None:
    batch = next(eval_batches(Rows.of([[1, 2, 3], [4]], [1, 0]), BatchSettings(batch_size=2, max_len=10)))
    assert batch.token_indexes.tolist() == [[4, 0, 0], [1, 2, 3]]
    assert batch.sequence_length.tolist() == [1, 3]
    assert batch.target.tolist() == [0, 1]
    assert {array.dtype for array in batch} == {np.dtype(np.int32)}


def test_a_batch_of_empty_rows_is_one_wide() -> None:
    assert one([], BatchSettings(batch_size=2, max_len=10)).token_indexes.tolist() == [[0]]


@pytest.mark.parametrize(("n_rows", "batch_size"), [(1000, 7), (33, 32), (32, 32), (3, 8)])
def test_an_epoch_has_every_row_once(n_rows: int, batch_size: int) -> None:
    rows, reading = numbered(n_rows), BatchSettings(batch_size=batch_size, max_len=50)
    for batches in (list(train_batches(rows, reading, seed=1, epoch=1)), list(eval_batches(rows, reading))):
        assert len(batches) == -(-n_rows // batch_size)
        assert sorted(int(i) for batch in batches for i in batch.target) == list(range(n_rows))
        for batch in batches:
            # the tokens still belong to their target
            assert (batch.token_indexes[:, 0] == batch.target + 1).all()
            assert ((batch.token_indexes != 0).sum(axis=1) == batch.sequence_length).all()


def test_the_order_is_a_function_of_seed_and_epoch() -> None:
    rows, reading = numbered(300), BatchSettings(batch_size=16, max_len=20)
    first = list(train_batches(rows, reading, seed=5, epoch=2))
    assert same(first, list(train_batches(rows, reading, seed=5, epoch=2)))
    assert not same(first, list(train_batches(rows, reading, seed=5, epoch=3)))
    assert not same(first, list(train_batches(rows, reading, seed=6, epoch=2)))


def test_batches_hold_rows_of_similar_length_in_no_order_of_length() -> None:
    rows = numbered(WINDOW_BATCHES * 16)
    batches = list(train_batches(rows, BatchSettings(batch_size=16, max_len=50), seed=0, epoch=1))
    padding = sum((batch.token_indexes == 0).sum() for batch in batches) / sum(
        batch.token_indexes.size for batch in batches
    )
    assert padding < 0.02
    widths = [batch.token_indexes.shape[1] for batch in batches]
    assert widths != sorted(widths)


def test_batches_of_two_epochs_are_different_batches() -> None:
    rows, reading = numbered(WINDOW_BATCHES * 16 * 3), BatchSettings(batch_size=16, max_len=50)
    epochs = [
        {frozenset(batch.target.tolist()) for batch in train_batches(rows, reading, seed=0, epoch=epoch)}
        for epoch in (1, 2)
    ]
    assert not epochs[0] & epochs[1]


@pytest.mark.parametrize(("batch_size", "max_len"), [(0, 10), (10, 0)])
def test_an_impossible_reading_is_refused(batch_size: int, max_len: int) -> None:
    with pytest.raises(ValueError, match="must be at least 1"):
        BatchSettings(batch_size=batch_size, max_len=max_len)
