"""The search space of the film reviews: conditions, and what an epoch costs."""

from __future__ import annotations

import pytest
from imdb.space import SPACE, Data, epoch_gflop, n_rows

LSTM = {
    "cell": "lstm", "units": 64, "layers": 1, "bidirectional": False, "embedding": "glove_frozen", "glove_dim": 100,
    "max_len": 80, "batch_size": 100,
}  # fmt: skip
FORWARD = 2 * (0.2 * 100 + 64) * 4 * 64


def test_a_mean_of_embeddings_has_no_recurrent_parameters() -> None:
    fixed = {"dropout": 0, "max_len": 80, "optimizer": "adam", "learning_rate": 1e-3, "batch_size": 128, "clip": False}
    space, issues = SPACE.narrow({"cell": "none", "embedding": "glove", **fixed})
    assert issues == []
    assert [set(params) for params in space.grid()] == [{"cell", "embedding", "glove_dim", *fixed}] * 2


def test_scratch_and_glove_have_their_own_dimensions() -> None:
    assert SPACE.is_active("embedding_dim", {"embedding": "scratch"})
    assert not SPACE.is_active("glove_dim", {"embedding": "scratch"})
    assert SPACE.is_active("glove_dim", {"embedding": "glove_frozen"})
    assert not SPACE.is_active("embedding_dim", {"embedding": "glove"})


@pytest.mark.parametrize(
    ("change", "forward", "per_step"),
    [
        ({}, FORWARD, 9e6),
        ({"cell": "gru"}, FORWARD * 3 / 4, 8e6),
        ({"cell": "ugrnn"}, FORWARD * 2 / 4, 7e6),
        ({"cell": "rnn"}, FORWARD / 4, 5.5e6),
        ({"bidirectional": True}, 2 * FORWARD, 18e6),
        ({"layers": 2}, FORWARD + 2 * (64 + 64) * 4 * 64, 18e6),
        ({"layers": 2, "bidirectional": True}, 2 * FORWARD + 2 * 2 * (128 + 64) * 4 * 64, 36e6),
    ],
)
def test_an_epoch_costs_three_forward_passes_and_its_time_steps(
    change: dict[str, object], forward: float, per_step: float
) -> None:
    def expected(length: int) -> float:
        return (3 * forward * 1000 * length + per_step * 10 * length) / 1e9

    assert epoch_gflop({**LSTM, **change}, 1000, 273.0) == pytest.approx(expected(80))
    assert epoch_gflop({**LSTM, **change}, 1000, 50.0) == pytest.approx(expected(50))


def test_training_the_embedding_costs_something_for_each_step() -> None:
    def extra(batch_size: int) -> float:
        params = {**LSTM, "batch_size": batch_size}
        return epoch_gflop({**params, "embedding": "glove"}, 1000, 273.0) - epoch_gflop(params, 1000, 273.0)

    assert extra(50) == pytest.approx(2 * extra(100))
    assert extra(100) > 0


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("sample", 5000),
        (None, 25000),
        ("folder", 25000),
        ("a/archive.tar.gz", 25000),
        ("x.parquet", None),
        ("x.csv", None),
    ],
)
def test_the_number_of_rows_is_known_where_the_source_is_published(source: str | None, expected: int | None) -> None:
    assert n_rows(Data(source=source)) == expected
