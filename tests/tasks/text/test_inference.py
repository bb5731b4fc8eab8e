"""A network asked for probabilities: rows keep their order, and batches do not matter."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.support.bundles import random_rows

pytestmark = pytest.mark.tf


def ragged(n_rows: int, *, max_len: int = 30, seed: int = 0) -> list[np.ndarray]:
    rows = random_rows(n_rows, max_len=max_len, seed=seed)
    return np.split(rows.tokens, rows.offsets[1:-1])


def test_rows_keep_their_order_and_labels_add_up_to_one(plain_network: Any) -> None:
    from sweepkit.tasks.text.inference import inference, probabilities

    infer, rows = inference(plain_network), ragged(70)
    together = probabilities(infer, rows, batch_size=16)
    alone = np.concatenate([probabilities(infer, [row]) for row in rows])
    assert together.shape == (70, 3)
    np.testing.assert_allclose(together.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(together, alone, atol=1e-6)


def test_progress_counts_rows(plain_network: Any) -> None:
    from sweepkit.tasks.text.inference import inference, probabilities

    seen: list[tuple[int, int]] = []
    probabilities(inference(plain_network), ragged(20), batch_size=8, progress=lambda *step: seen.append(step))
    assert seen == [(8, 20), (16, 20), (20, 20)]


def test_no_rows_are_no_answers(plain_network: Any) -> None:
    from sweepkit.tasks.text.inference import inference, probabilities

    assert len(probabilities(inference(plain_network), [])) == 0


def test_a_network_is_traced_once_for_all_lengths(plain_network: Any) -> None:
    from sweepkit.tasks.text.inference import inference, probabilities

    calls: list[None] = []

    class Counted:
        def __call__(self, inputs: Any, training: bool) -> Any:
            calls.append(None)
            return plain_network(inputs, training=training)

    infer = inference(Counted())
    for n_rows, max_len in ((3, 5), (8, 30), (1, 2)):
        probabilities(infer, ragged(n_rows, max_len=max_len), batch_size=4)
    assert len(calls) == 1
