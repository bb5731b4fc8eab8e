"""Warnings of the driver as lines among those that show a sweep, whatever else listens to the log."""

from __future__ import annotations

import logging
from types import TracebackType

from rich.console import Console


class Notices(logging.Handler):
    """Prints warnings of sweepkit's own while it is entered; above a live table, between plain lines."""

    def __init__(self, console: Console) -> None:
        super().__init__(logging.WARNING)
        self._console = console

    def __enter__(self) -> Notices:
        logging.getLogger("sweepkit").addHandler(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        logging.getLogger("sweepkit").removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Print the message alone: a traceback belongs into a log."""
        self._console.print(f"{record.levelname.lower()}: {record.getMessage()}", markup=False, soft_wrap=True)
