"""A split predicted whole: every row gets its own answer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sweepkit.data.batches import BatchSettings
from sweepkit.data.rows import Rows

pytestmark = pytest.mark.tf


class Summing:
    """Stands for a model: says of each row the sum of its tokens, so that rows in another order are found out."""

    def predict_on_batch(self, batch: dict[str, Any]) -> Any:
        assert (batch["token_indexes"] > 0).sum(axis=1).tolist() == batch["sequence_length"].tolist()
        return batch["token_indexes"].sum(axis=1, keepdims=True).astype(np.float32)


@pytest.mark.parametrize(("keep", "expected"), [("tail", [9.0, 3.0, 9.0, 5.0]), ("head", [7.0, 3.0, 6.0, 5.0])])
def test_rows_are_answered_in_their_own_order_and_cut_as_in_training(keep: Any, expected: list[float]) -> None:
    from sweepkit.tasks.text.evaluation import predict_rows

    rows = Rows.of([[4, 3, 6], [3], [1, 5, 4], [5]], [0, 1, 0, 1])
    found = predict_rows(Summing(), rows, BatchSettings(batch_size=2, max_len=2, keep=keep))
    assert found[:, 0].tolist() == expected
