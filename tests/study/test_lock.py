"""Ctrl-C while the journal's lock is taken or released comes out as KeyboardInterrupt, and leaves no lock behind."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from optuna.storages.journal import _file

from sweepkit.study.lock import JournalLock


def interrupted(call: Callable[..., None], *, after: bool) -> Callable[..., None]:
    """Raise KeyboardInterrupt the first time, as a signal does, before or after the call."""
    calls: list[int] = []

    def instead(*args: Any) -> None:
        calls.append(1)
        if len(calls) == 1 and not after:
            raise KeyboardInterrupt
        call(*args)
        if len(calls) == 1:
            raise KeyboardInterrupt

    return instead


def take_and_release(lock: JournalLock) -> None:
    lock.acquire()
    lock.release()


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("name", ["symlink", "rename", "unlink"])
def test_an_interruption_stays_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, after: bool) -> None:
    journal = tmp_path / "journal.log"
    journal.touch()
    lock = JournalLock(str(journal))
    monkeypatch.setattr(_file.os, name, interrupted(getattr(os, name), after=after))
    with pytest.raises(KeyboardInterrupt):
        take_and_release(lock)
    monkeypatch.undo()
    if (name, after) != ("rename", False):  # interrupted before it did anything, the lock is held as before
        assert list(tmp_path.iterdir()) == [journal]


def test_another_error_is_raised_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="did not possess lock"):
        JournalLock(str(tmp_path / "journal.log")).release()
