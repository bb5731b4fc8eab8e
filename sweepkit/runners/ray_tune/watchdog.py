"""Attempts that are running, each a trial of Tune: which actor runs it and how long that actor has been silent.

An actor that is silent for too long is killed; the controller then gets a failure as after any other death. Try
`watchdog = Watchdog(timeout_s=60); tune.RunConfig(callbacks=[watchdog])`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import ray
from ray.tune import Callback
from ray.tune.experiment import Trial

# how long an actor may take to exit after the result that announced it
_EXIT_S = 30.0
# The most that one round of Tune's loop may add to a silence. Rounds normally take a fraction of a second; a long one
# means that this process was suspended and could not have received a report.
_LONGEST_ROUND_S = 5.0


@dataclass(slots=True)
class ActorAttempt:
    """One attempt at a trial, from when its actor has it.

    Attributes:
        actor: its handle.
        silent_s: time since its last result.
        is_exiting: its last result announced its exit; the controller has dealt with the trial.
        was_hung: it was killed because it was silent for too long.
    """

    actor: Any  # an actor's handle, which has no type
    silent_s: float = 0.0
    is_exiting: bool = False
    was_hung: bool = False


class Watchdog(Callback):  # type: ignore[misc]  # Ray is not typed
    """Time each actor's silence, in each round of Tune's loop, and kill those that are silent for too long.

    Args:
        timeout_s: an actor that is silent for so long is killed; None never.
        clock: in seconds.
        kill: ends an actor's process.
    """

    def __init__(
        self,
        timeout_s: float | None,
        *,
        clock: Callable[[], float] = time.monotonic,
        kill: Callable[[Any], None] = ray.kill,
    ) -> None:
        self._timeout_s, self._clock, self._kill = timeout_s, clock, kill
        self._attempts: dict[str, ActorAttempt] = {}
        self._last = clock()

    def __reduce__(self) -> tuple[type, tuple[()]]:
        """Leave nothing for Tune to pickle into its snapshots."""
        return object, ()

    def on_trial_start(self, iteration: int, trials: list[Trial], trial: Trial, **info: object) -> None:  # noqa: ARG002  # Ray's own signature
        # here, not at the first result: an actor may hang in its first epoch, which includes imports
        self._attempts[trial.trial_id] = ActorAttempt(trial.temporary_state.ray_actor)

    # Tune has no timer; its loop calls this before each event, and after a tenth of a second without one
    def on_step_begin(self, iteration: int, trials: list[Trial], **info: object) -> None:  # noqa: ARG002  # Ray's own signature
        now = self._clock()
        passed_s, self._last = min(now - self._last, _LONGEST_ROUND_S), now
        for attempt in self._attempts.values():
            attempt.silent_s += passed_s
            limit_s = _EXIT_S if attempt.is_exiting else self._timeout_s
            if limit_s is not None and attempt.silent_s >= limit_s and not attempt.was_hung:
                # the attempt stays: Tune calls `on_trial_error` for the dead actor, and `lost` then returns it
                attempt.was_hung = True
                self._kill(attempt.actor)

    def note_report(self, trial: Trial, *, is_exiting: bool = False) -> None:
        """Note that a trial's actor has returned a result."""
        attempt = self._attempts[trial.trial_id]
        attempt.silent_s, attempt.is_exiting = 0.0, is_exiting

    def ended(self, trial: Trial) -> ActorAttempt | None:
        """Remove an attempt and return it; None when no actor ever had the trial."""
        return self._attempts.pop(trial.trial_id, None)

    def lost(self, trial: Trial) -> ActorAttempt | None:
        """Remove and return an attempt whose actor is lost, and kill the actor.

        One on a node that cannot be reached may still run, and would write the trial's checkpoints beside the retry.
        """
        attempt = self.ended(trial)
        if attempt is not None:
            self._kill(attempt.actor)
        return attempt
