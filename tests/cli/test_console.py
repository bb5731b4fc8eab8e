"""Ctrl-C and SIGTERM, once and twice, and turned into other errors by libraries."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from sweepkit.cli.console import interruptible


def cut_short() -> None:
    """Fail like Optuna when Ctrl-C comes while it acquires the journal's lock."""
    try:
        raise KeyboardInterrupt
    finally:
        raise RuntimeError("did not possess lock")


def test_ctrl_c_that_a_library_turned_into_another_error_is_ctrl_c() -> None:
    with pytest.raises(KeyboardInterrupt), interruptible():
        cut_short()


def test_other_errors_propagate_unchanged() -> None:
    with pytest.raises(RuntimeError, match="did not possess lock"), interruptible():
        raise RuntimeError("did not possess lock") from ValueError("x")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_interrupts_and_the_handler_is_restored(number: int) -> None:
    before = signal.getsignal(number)
    with pytest.raises(KeyboardInterrupt), interruptible():
        os.kill(os.getpid(), number)
    assert signal.getsignal(number) == before


def test_a_second_signal_ends_the_process_at_once() -> None:
    program = """
import os, signal, time
from sweepkit.cli.console import interruptible
with interruptible():
    try:
        os.kill(os.getpid(), signal.SIGINT)
    finally:
        os.kill(os.getpid(), signal.SIGTERM)
        print("not at once")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")
