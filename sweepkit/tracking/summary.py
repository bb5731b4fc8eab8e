"""The description of a sweep's run, as Markdown: who won, and why trials ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def markdown(best: Mapping[str, object], ended: Sequence[tuple[str, int]]) -> str:
    """Return a short text with two tables.

    Args:
        best: what there is to know of the best trial, in order; empty when no trial has a finite objective.
        ended: why trials ended and how many did so, as `leaderboard.reasons` counts them.
    """
    parts = [
        _table(("best trial", ""), [(name, _value(value)) for name, value in best.items()]),
        _table(("how trials ended", "trials"), [(reason, str(count)) for reason, count in ended]),
    ]
    return "\n\n".join(part for part in parts if part) or "No trial has ended."


def _table(head: tuple[str, str], rows: Sequence[tuple[str, str]]) -> str:
    if not rows:
        return ""
    lines = [head, ("---", "---"), *rows]
    return "\n".join(f"| {_cell(left)} | {_cell(right)} |" for left, right in lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _value(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
