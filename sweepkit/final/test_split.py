"""The list of evaluations on the test split; each is written into it before it begins, so that none is uncounted.

Try `read_evaluations(folder)[-1].accuracy`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace

from sweepkit.results.final_result import HeldOutEvaluation
from sweepkit.storage.sweep_folder import SweepFolder


def read_evaluations(folder: SweepFolder) -> list[HeldOutEvaluation]:
    """Return every evaluation on the test split that was ever begun, oldest first."""
    if not folder.storage.exists(folder.paths.looks):
        return []
    return [HeldOutEvaluation.from_json(item) for item in folder.storage.read_json(folder.paths.looks)]


def write_evaluations(folder: SweepFolder, evaluations: Sequence[HeldOutEvaluation]) -> None:
    """Replace the list."""
    folder.storage.write_json(folder.paths.looks, [asdict(evaluation) for evaluation in evaluations])


def forget_predictions(folder: SweepFolder, trials: Sequence[int]) -> None:
    """Delete the predictions of runs of the final stage that are trained further and become other models.

    Their evaluations on the test split stay on the list, but no longer as evaluations of these runs.
    """
    for number in trials:
        paths = folder.paths.final.trial(number)
        for name in (paths.predictions("valid"), paths.predictions("test"), paths.mistakes):
            folder.storage.delete(name)
    evaluations = read_evaluations(folder)
    if any(evaluation.final_trial in trials for evaluation in evaluations):
        # kept, since the test split has been used: a later evaluation is not the first one
        changed = [replace(test, final_trial=None) if test.final_trial in trials else test for test in evaluations]
        write_evaluations(folder, changed)
