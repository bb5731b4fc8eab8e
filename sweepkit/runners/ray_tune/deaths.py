"""Why a worker died, read from what Ray raises, and whether its trial may have been the cause.

Try `patch_actor_manager()` before Tune starts, and `current_death()` where Tune calls `on_trial_error`.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass

from ray.air.execution._internal.actor_manager import RayActorManager
from ray.exceptions import ActorUnavailableError, RayActorError, RayError, RayTaskError
from ray.tune.execution import tune_controller

# lines of Ray's message with the worker's process and machine; the exception has no attributes for them
_PLACE = re.compile(r"^\s*(pid|ip): (\S+)$", re.MULTILINE)
# words of that message, where Ray 2.60 has neither a class nor an attribute for the cause
_NODE_DIED = "its node has died"
_NO_MEMORY = "OutOfMemoryError"
# Tune's scheduler is called without the exception, and what Tune keeps of it in the trial is its text on disk
_current_error: ContextVar[Exception | None] = ContextVar("_current_error", default=None)


@dataclass(frozen=True, slots=True)
class Death:
    """The end of a worker.

    Attributes:
        text: Ray's message, and a last line that sums it up.
        counts: False where the whole node was lost.
    """

    text: str
    counts: bool


def patch_actor_manager() -> None:
    """Make Tune's control loops in this process survive any death of an actor and keep its cause."""
    # Tune offers no setting for it; its controller creates the manager by this name
    tune_controller.RayActorManager = _ActorManager


def current_death() -> Death:
    """Explain the death that Tune's control loop is handling now; for callbacks that Tune calls meanwhile."""
    return death_of(_current_error.get())


def death_of(error: Exception | None) -> Death:
    """Explain what Ray raised for a worker; None where that is not known."""
    message = str(error).strip() if error is not None else ""
    if isinstance(error, RayTaskError) or (isinstance(error, RayActorError) and error.actor_init_failed):
        return Death(message, counts=True)  # a traceback, which needs no summary
    where = ", ".join(f"{name} {value}" for name, value in _PLACE.findall(message))
    place = f" ({where})" if where else ""
    # before all other causes: a preempted or lost node kills every worker on it, whatever its trials did
    if isinstance(error, RayActorError) and (error.preempted or _NODE_DIED in message):
        return Death(f"{message}\nits node was lost{place}", counts=False)
    if isinstance(error, ActorUnavailableError):
        # the node reports a process that dies; silence means that the node itself is gone or cut off
        return Death(f"{message}\nits node cannot be reached{place}", counts=False)
    if message.startswith(_NO_MEMORY):
        # it counts, since a trial that needs too much memory would need it again on every retry
        return Death(f"{message}\nits worker was killed because its node ran out of memory", counts=True)
    return Death(f"{message}\nits worker was killed or exited{place}".strip(), counts=True)


def as_actor_death(error: Exception) -> Exception:
    """Return an error of a kind that Tune expects of an actor: the error itself, or an actor error that names it."""
    if isinstance(error, RayActorError | RayTaskError) or not isinstance(error, RayError):
        return error
    named: Exception = RayActorError(error_msg=f"{type(error).__name__}: {error}")
    return named


class _ActorManager(RayActorManager):  # type: ignore[misc]  # Ray is not typed
    """Tune's actor manager, for which an actor that died in an unusual way is a dead actor like any other.

    An actor that was killed for the memory it took raises an OutOfMemoryError, which is not an actor error: Ray 2.60's
    own manager then raises from Tune's control loop, and all trials end.
    """

    def _actor_task_failed(self, tracked_actor_task: object, exception: Exception) -> None:
        with _handling(as_actor_death(exception)) as error:
            super()._actor_task_failed(tracked_actor_task, error)

    # an actor that never started fails on this path, with the same exceptions
    def _actor_start_failed(self, tracked_actor: object, exception: Exception) -> None:
        with _handling(as_actor_death(exception)) as error:
            super()._actor_start_failed(tracked_actor, error)


@contextlib.contextmanager
def _handling(error: Exception) -> Iterator[Exception]:
    token = _current_error.set(error)
    try:
        yield error
    finally:
        # Tune handles one event at a time; a later callback must not see the cause of an earlier death
        _current_error.reset(token)
