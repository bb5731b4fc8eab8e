"""Messages of libraries that start are shown only if something goes wrong."""

from __future__ import annotations

import os

import pytest

from sweepkit.cli.quiet import quiet_start
from sweepkit.errors import InputError


def test_what_c_code_writes_is_held_back(capfd: pytest.CaptureFixture[str]) -> None:
    with quiet_start():
        os.write(2, b"kernels and missing GPUs\n")
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "after\n"


def fail(error: Exception) -> None:
    """Write a line like C code, and raise."""
    with quiet_start():
        os.write(2, b"the reason\n")
        raise error


def test_a_bug_releases_it(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RuntimeError, match="broken"):
        fail(RuntimeError("broken"))
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "the reason\nafter\n"


def test_wrong_input_hides_it(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InputError):
        fail(InputError("no such file"))
    assert capfd.readouterr().err == ""
