"""How commands say numbers."""

from __future__ import annotations

import pytest

from sweepkit.cli.formats import limits, size
from sweepkit.config.schema import Budget


@pytest.mark.parametrize(
    ("n_bytes", "expected"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1 kB"),
        (3_521_000, "3.52 MB"),
        (999_400, "999 kB"),
        (999_600, "1 MB"),
        (12_340_000_000, "12.3 GB"),
        (5_600_000_000_000, "5.6 TB"),
    ],
)
def test_bytes_are_said_in_words(n_bytes: int, expected: str) -> None:
    assert size(n_bytes) == expected


def test_limits_are_said_with_what_money_buys() -> None:
    assert limits(Budget()) == []
    assert limits(Budget(hours=1.5, epochs=120, money=12.5, price_per_worker_hour=0.4)) == [
        "1.5 h",
        "120 epochs",
        "12.5 in money, which is 31.2 worker-hours at 0.4",
    ]
