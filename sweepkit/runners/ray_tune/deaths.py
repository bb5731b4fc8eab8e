"""Why a worker died, told from what Ray raises, and whether its trial may have been the cause.

Try `listen_to_deaths()`, and `death_being_handled()` where Tune says that a trial has an error.
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

_PLACE = re.compile(r"^\s*(pid|ip): (\S+)$", re.MULTILINE)
_NODE_DIED = "its node has died"
_NO_MEMORY = "OutOfMemoryError"
_being_handled: ContextVar[Exception | None] = ContextVar("_being_handled", default=None)


@dataclass(frozen=True, slots=True)
class Death:
    """The end of a worker.

    Attributes:
        text: what Ray said, and a last line that says it in short.
        counts: False where the whole node was lost.
    """

    text: str
    counts: bool


def death_of(error: Exception | None) -> Death:
    """Explain what Ray raised for a worker; None where that is not known."""
    said = str(error).strip() if error is not None else ""
    if isinstance(error, RayTaskError) or (isinstance(error, RayActorError) and error.actor_init_failed):
        return Death(said, counts=True)  # a traceback
    where = ", ".join(f"{name} {value}" for name, value in _PLACE.findall(said))
    place = f" ({where})" if where else ""
    if isinstance(error, RayActorError) and (error.preempted or _NODE_DIED in said):
        return Death(f"{said}\nits node was lost{place}", counts=False)
    if isinstance(error, ActorUnavailableError):
        # a process that dies is reported by its node; silence means that the node itself is gone or cut off
        return Death(f"{said}\nits node cannot be reached{place}", counts=False)
    if said.startswith(_NO_MEMORY):
        return Death(f"{said}\nits worker was killed because its node ran out of memory", counts=True)
    return Death(f"{said}\nits worker was killed or exited{place}".strip(), counts=True)


def death_being_handled() -> Death:
    """Explain the death that Tune's control loop is dealing with right now; for what it calls meanwhile."""
    return death_of(_being_handled.get())


def as_actors_death(error: Exception) -> Exception:
    """Return an error that Tune expects of an actor: itself, or one that names it."""
    if isinstance(error, RayActorError | RayTaskError) or not isinstance(error, RayError):
        return error
    named: Exception = RayActorError(error_msg=f"{type(error).__name__}: {error}")
    return named


class _ActorManager(RayActorManager):  # type: ignore[misc]  # Ray is not typed
    """Tune's own, which takes an actor that died in an unusual way (killed for the memory it took) for a dead actor.

    Ray 2.60's raises from Tune's control loop instead, which ends all trials. Tune keeps of an error what it can
    write into a file elsewhere; here it is kept for as long as it is dealt with.
    """

    def _actor_task_failed(self, tracked_actor_task: object, exception: Exception) -> None:
        with _handling(as_actors_death(exception)) as error:
            super()._actor_task_failed(tracked_actor_task, error)

    def _actor_start_failed(self, tracked_actor: object, exception: Exception) -> None:
        with _handling(as_actors_death(exception)) as error:
            super()._actor_start_failed(tracked_actor, error)


@contextlib.contextmanager
def _handling(error: Exception) -> Iterator[Exception]:
    token = _being_handled.set(error)
    try:
        yield error
    finally:
        _being_handled.reset(token)


def listen_to_deaths() -> None:
    """Let Tune's control loops, in this process, survive any death of an actor and say what it was."""
    tune_controller.RayActorManager = _ActorManager
