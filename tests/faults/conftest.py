"""Faults on purpose. `make faults` runs all of these and prints which cases a sweep survived."""

from __future__ import annotations

from collections.abc import Callable

import pytest

_rows: list[tuple[str, ...]] = []
_HEAD = ("case", "killed after", "which was", "survived")


@pytest.fixture(scope="session")
def note_case() -> Callable[..., None]:
    """Add a row to the table that is printed at the end."""
    return lambda *cells: _rows.append(tuple(map(str, cells)))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not _rows:
        return
    widths = [max(len(row[i]) for row in (_HEAD, *_rows)) for i in range(len(_HEAD))]
    terminalreporter.section("killed sweeps")
    for row in (_HEAD, *_rows):
        terminalreporter.line("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    survived = sum(row[-1] == "yes" for row in _rows)
    terminalreporter.line(f"{survived} of {len(_rows)} cases survived")
