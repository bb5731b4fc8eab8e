"""The attempts under way, each a trial of Tune's: which worker has it and for how long it has said nothing.

Kills workers that say nothing for too long; what follows from that is the director's, which hears of it as of any
other death. Try `watch = Watch(timeout_s=60); tune.RunConfig(callbacks=[watch])`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import ray
from ray.tune import Callback
from ray.tune.experiment import Trial

# a worker that has said that it leaves gets so long to do so
_LEAVING_S = 30.0
# while this process itself was stopped, nobody could report
_LONGEST_STEP_S = 5.0


@dataclass(slots=True)
class ActorAttempt:
    """One attempt, from when its worker has it.

    Attributes:
        worker: the handle of its actor.
        silent_s: since its worker last said something.
        is_leaving: its worker has said that it exits; the trial has been dealt with.
        was_hung: its worker was killed because it said nothing for too long.
    """

    worker: Any  # an actor's handle, which has no type
    silent_s: float = 0.0
    is_leaving: bool = False
    was_hung: bool = False


class Watchdog(Callback):  # type: ignore[misc]  # Ray is not typed
    """Hears from Tune who starts, from the scheduler who reports, and looks at the clock in each round of Tune's loop.

    Args:
        timeout_s: after so much silence a worker is killed; None never.
        clock: in seconds.
        kill: ends a worker's process.
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
        self._attempts[trial.trial_id] = ActorAttempt(trial.temporary_state.ray_actor)

    def on_step_begin(self, iteration: int, trials: list[Trial], **info: object) -> None:  # noqa: ARG002  # as above
        now = self._clock()
        passed, self._last = min(now - self._last, _LONGEST_STEP_S), now
        for attempt in self._attempts.values():
            attempt.silent_s += passed
            most = _LEAVING_S if attempt.is_leaving else self._timeout_s
            if most is not None and attempt.silent_s >= most and not attempt.was_hung:
                attempt.was_hung = True
                self._kill(attempt.worker)

    def note_report(self, trial: Trial, *, is_leaving: bool = False) -> None:
        """Take note that a trial's worker has said something."""
        attempt = self._attempts[trial.trial_id]
        attempt.silent_s, attempt.is_leaving = 0.0, is_leaving

    def ended(self, trial: Trial) -> ActorAttempt | None:
        """Forget an attempt and return what was known of it; None when no worker ever had it."""
        return self._attempts.pop(trial.trial_id, None)

    def lost(self, trial: Trial) -> ActorAttempt | None:
        """Forget an attempt whose worker is dead, and make sure that it is: one out of reach could come back."""
        attempt = self.ended(trial)
        if attempt is not None:
            self._kill(attempt.worker)
        return attempt
