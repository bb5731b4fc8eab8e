"""Waiting for what another thread or process does, with an end."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol


class _Process(Protocol):
    def poll(self) -> int | None: ...


def wait_until(
    condition: Callable[[], object],
    description: str,
    *,
    process: _Process | None = None,
    output: Callable[[], object] = lambda: "",
    timeout_s: float = 120.0,
    interval_s: float = 0.01,
) -> None:
    """Wait until `condition` holds; fail when `process` ends before that, or after `timeout_s`.

    Args:
        condition: what is waited for.
        description: the same in words, for the failure.
        process: whose work it is, None for a thread.
        output: what the process has printed, for the failure.
        timeout_s: far longer than a busy machine takes.
        interval_s: between two looks.
    """
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert process is None or process.poll() is None, f"ended before {description}\n{output()}"
        assert time.monotonic() < deadline, f"waited {timeout_s:.0f} s in vain: {description}\n{output()}"
        time.sleep(interval_s)
