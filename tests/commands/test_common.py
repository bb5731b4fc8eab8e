"""What verbs share: Ctrl-C as libraries pass it on."""

from __future__ import annotations

import pytest

from sweepkit.commands.common import interruptible


def cut_short() -> None:
    """Do as Optuna does when Ctrl-C comes while it takes the journal's lock."""
    try:
        raise KeyboardInterrupt
    finally:
        raise RuntimeError("did not possess lock")


def test_ctrl_c_that_a_library_turned_into_another_error_is_ctrl_c() -> None:
    with pytest.raises(KeyboardInterrupt), interruptible():
        cut_short()


def test_other_errors_fly_as_they_are() -> None:
    with pytest.raises(RuntimeError, match="did not possess lock"), interruptible():
        raise RuntimeError("did not possess lock") from ValueError("x")
