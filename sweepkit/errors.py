"""The errors that sweepkit raises on purpose, with their exit codes.

    SweepError                  base of all of them
      InputError                the input is wrong and nothing was started: exit code 2
        DataError               the data is missing, malformed or damaged: exit code 2
      SweepFailed               no trial completed, or more failed than the budget allows: exit code 3
      StorageFault              writing to the storage failed while the sweep was running: exit code 3

A message says what must hold, what was seen, where, and what to do next. Credentials are removed from its URIs.
Any other exception is a bug in sweepkit or in the sweep package, and keeps its traceback.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sweepkit.redaction import hidden

INTERRUPTED = 130  # the exit code after Ctrl-C, as in shells: 128 + SIGINT


@dataclass(frozen=True, slots=True)
class Issue:
    """One thing that is wrong with the input.

    Attributes:
        where: `file:line`, a file, or the option that set the value; empty without such a place.
        what: what must hold, what was seen and what to do, as one lower-case sentence.
    """

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}" if self.where else self.what


class SweepError(Exception):
    """Base of all errors that sweepkit raises on purpose; the command exits with `exit_code`."""

    exit_code = 1

    def __init__(self, message: str) -> None:
        super().__init__(hidden(message))


class InputError(SweepError):
    """The input is wrong; nothing was started. Holds every issue, not only the first."""

    exit_code = 2

    def __init__(self, issues: Sequence[Issue] | str, *, where: str = "") -> None:
        listed = [Issue(where, issues)] if isinstance(issues, str) else issues
        self.issues = tuple(Issue(hidden(issue.where), hidden(issue.what)) for issue in listed)
        super().__init__("\n".join(str(issue) for issue in self.issues))


class DataError(InputError):
    """The data is missing, malformed or damaged; the message names the file."""


class SweepFailed(SweepError):
    """The sweep ended without a completed trial, or with more failures than its budget allows."""

    exit_code = 3


class StorageFault(SweepError):
    """Writing to the storage failed: it is full or no longer writable; the message has the path and the remedy."""

    exit_code = 3
