"""The description of a sweep's run. No MLflow needed."""

from __future__ import annotations

from sweepkit.tracking.run_endings import markdown


def test_says_who_won_and_why_trials_ended() -> None:
    assert markdown(
        {"trial": 7, "valid_accuracy": 0.9123456789, "cell": "a|b"}, [("ran all 5 epochs", 4), ("loss\nis nan", 1)]
    ) == (
        "| best trial |  |\n| --- | --- |\n| trial | 7 |\n| valid_accuracy | 0.912346 |\n| cell | a\\|b |\n\n"
        "| how trials ended | trials |\n| --- | --- |\n| ran all 5 epochs | 4 |\n| loss is nan | 1 |"
    )


def test_a_sweep_without_a_winner_still_says_why() -> None:
    assert markdown({}, [("failed", 2)]).startswith("| how trials ended |")
    assert markdown({}, []) == "No trial has ended."
