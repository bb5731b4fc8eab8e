"""Every look at the test split, counted before it is made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace

from sweepkit.results.final_result import HeldOutEvaluation
from sweepkit.storage.layout import SweepPaths
from sweepkit.storage.storage import Storage


def forget_predictions(storage: Storage, paths: SweepPaths, trials: Sequence[int]) -> None:
    """Delete what these runs of the final stage have predicted, since they go on and become other models.

    Looks at the test split stay on the list, and are no longer looks at these runs.
    """
    for number in trials:
        trial = paths.final.trial(number)
        for name in (trial.predictions("valid"), trial.predictions("test"), trial.mistakes):
            storage.delete(name)
    looks = read_looks(storage, paths)
    if any(look.final_trial in trials for look in looks):
        now = [replace(look, final_trial=None) if look.final_trial in trials else look for look in looks]
        storage.write_json(paths.looks, [asdict(look) for look in now])


def read_looks(storage: Storage, paths: SweepPaths) -> list[HeldOutEvaluation]:
    """Return every look at the test split that was ever begun."""
    if not storage.exists(paths.looks):
        return []
    return [HeldOutEvaluation.from_json(item) for item in storage.read_json(paths.looks)]
