"""Which task a sweep package belongs to; the only module that names the tasks there are. Try `task_of("toy")`."""

from __future__ import annotations

from sweepkit.tasks.interface import Task


def task_of(package: str) -> Task:  # noqa: ARG001  # so far every package is one for texts
    """Return the task of a sweep package, by the package's name."""
    from sweepkit.tasks.text.task import TextTask  # not at the top: reports and comparisons start without it

    return TextTask()
