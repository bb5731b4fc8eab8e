"""What `plan` prints about a sweep's limits."""

from __future__ import annotations

from sweepkit.cli.plan import limits
from sweepkit.config.schema import Budget


def test_money_is_shown_with_the_hours_it_buys() -> None:
    assert limits(Budget()) == []
    assert limits(Budget(hours=1.5, epochs=120, money=12.5, price_per_worker_hour=0.4)) == [
        "1.5 h",
        "120 epochs",
        "12.5 in money, which is 31.2 worker-hours at 0.4",
    ]
