"""Every look at the test split, counted before it is made.

Try `read_looks(folder)[-1].accuracy`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace

from sweepkit.results.final_result import HeldOutEvaluation
from sweepkit.storage.sweep_folder import SweepFolder


def read_looks(folder: SweepFolder) -> list[HeldOutEvaluation]:
    """Return every look at the test split that was ever begun."""
    if not folder.storage.exists(folder.paths.looks):
        return []
    return [HeldOutEvaluation.from_json(item) for item in folder.storage.read_json(folder.paths.looks)]


def write_looks(folder: SweepFolder, looks: Sequence[HeldOutEvaluation]) -> None:
    """Write the whole list."""
    folder.storage.write_json(folder.paths.looks, [asdict(look) for look in looks])


def forget_predictions(folder: SweepFolder, trials: Sequence[int]) -> None:
    """Delete what these runs of the final stage have predicted, since they go on and become other models.

    Looks at the test split stay on the list, and are no longer looks at these runs.
    """
    for number in trials:
        paths = folder.paths.final.trial(number)
        for name in (paths.predictions("valid"), paths.predictions("test"), paths.mistakes):
            folder.storage.delete(name)
    looks = read_looks(folder)
    if any(look.final_trial in trials for look in looks):
        write_looks(folder, [replace(look, final_trial=None) if look.final_trial in trials else look for look in looks])
