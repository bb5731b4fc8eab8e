from __future__ import annotations

import pytest

from sweepkit.tasks.text.explain.tokens import is_right_to_left, plain, shortened


@pytest.mark.parametrize(
    ("token", "shown"),
    [
        ("film", "film"),
        ("``", "“"),
        ("''", "”"),
        ("a\x1b[31m", "a�[31m"),
        ("\u202eabc", "�abc"),
        ("\u2067x", "�x"),
        ("\ud83d", "�"),
        ("👨‍👩‍👧", "👨‍👩‍👧"),
        ("<script>", "<script>"),
    ],
)
def test_nothing_that_steers_is_shown(token: str, shown: str) -> None:
    assert plain(token) == shown


def test_a_long_token_ends_with_an_ellipsis() -> None:
    assert shortened("abcdef", 6) == "abcdef"
    assert shortened("abcdefg", 6) == "abcde…"


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [(["שלום"], True), (["مرحبا"], True), (["1", "!", "טוב", "film"], True), (["film", "טוב"], False), (["42"], False)],
)
def test_the_first_letter_decides_the_direction_of_the_text(tokens: list[str], expected: bool) -> None:
    assert is_right_to_left(tokens) is expected
