"""What can go wrong, as a user sees it.

    SweepError                  anything that sweepkit raises on purpose
      InputError                the input is wrong and nothing was started: exit code 2
        DataError               ... and it is the data: missing, malformed, damaged
      SweepFailed               no trial completed, or more failed than the budget allows: exit code 3
      StorageFault              the storage takes no more while the sweep runs: exit code 3

A message says what must hold, what was seen, where, and what to do next; URIs in it have lost their credentials.
Anything else that flies is a defect of sweepkit or of a sweep package and keeps its traceback.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sweepkit.redaction import hidden

INTERRUPTED = 130  # the exit code after Ctrl-C, as shells have it


@dataclass(frozen=True, slots=True)
class Issue:
    """One thing that is wrong with the input.

    Attributes:
        where: `file:line`, a file, or the option that brought the value; empty when there is no such place.
        what: what must hold, what was seen and what to do, as one lower-case sentence.
    """

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}" if self.where else self.what


class SweepError(Exception):
    """Base of all errors that sweepkit raises on purpose; `exit_code` is what the command ends with."""

    exit_code = 1

    def __init__(self, message: str) -> None:
        super().__init__(hidden(message))


class InputError(SweepError):
    """The input is wrong; nothing was started. Carries every problem found, not only the first."""

    exit_code = 2

    def __init__(self, issues: Sequence[Issue] | str, *, where: str = "") -> None:
        found = [Issue(where, issues)] if isinstance(issues, str) else issues
        self.issues = tuple(Issue(hidden(problem.where), hidden(problem.what)) for problem in found)
        super().__init__("\n".join(str(problem) for problem in self.issues))


class DataError(InputError):
    """The data is missing, malformed or damaged; the message names the file."""


class SweepFailed(SweepError):
    """The sweep ended without a completed trial, or over its failure budget."""

    exit_code = 3


class StorageFault(SweepError):
    """The storage takes no more: it is full, or may not be written any longer; names the path and what to do."""

    exit_code = 3
