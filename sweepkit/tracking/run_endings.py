"""How runs end in MLflow: status, metrics and tags of a trial and of a sweep, as values.

One place for live logging (`sweep_logger`) and for `sync` (`backfill`). Try
`of_trial(trial, "valid_accuracy", folder.trial(7)).status`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sweepkit.storage.manifest import SweepEnd
from sweepkit.storage.sweep_folder import TrialFolder
from sweepkit.trial.leaderboard import Leaderboard
from sweepkit.trial.trial import Trial, TrialState

# MLflow has no status of its own for a pruned trial; KILLED distinguishes it from one that ran to its end
_TRIAL_STATUS = {TrialState.COMPLETE: "FINISHED", TrialState.PRUNED: "KILLED", TrialState.FAILED: "FAILED"}
_SWEEP_STATUS = {"finished": "FINISHED", "interrupted": "KILLED", "failed": "FAILED"}
# the end of a traceback says most, and a tag of MLflow holds 8,000 characters, in the note with more around it
_LONGEST_ERROR = 6000

LEADERBOARD = "leaderboard.json"  # the name of a sweep's artifact
Columns = Mapping[str, Sequence[object]]  # of a table


@dataclass(frozen=True, slots=True)
class RunEnding:
    """The end of a run.

    Attributes:
        status: FINISHED, KILLED or FAILED, as MLflow names them.
        metrics: the best value and its epoch.
        tags: the state, the reason, and of a failure its error and log.
        at: when, in seconds since 1970; None where it was not recorded.
    """

    status: str
    metrics: Mapping[str, float]
    tags: Mapping[str, str]
    at: float | None


def of_trial(trial: Trial, metric: str, folder: TrialFolder) -> RunEnding:
    """Describe the end of a trial, with its best value of the objective, `metric`.

    Args:
        trial: one that has ended.
        metric: the objective.
        folder: where its log is, for the run of a failed trial.
    """
    assert trial.state is not None, "the trial has ended"
    metrics = {}
    # a failed trial may have a best value, from epochs before the failure
    if trial.best_value is not None and trial.best_epoch is not None:
        metrics = {f"best_{metric}": trial.best_value, "best_epoch": float(trial.best_epoch)}
    tags = {"sweepkit.outcome": trial.state.value, "sweepkit.stop_reason": trial.reason or ""}
    return RunEnding(_TRIAL_STATUS[trial.state], metrics, tags | _failure_tags(trial, folder), trial.ended)


def of_sweep(status: SweepEnd, board: Leaderboard, *, also: Mapping[str, object] | None = None) -> RunEnding:
    """Describe the end of a sweep.

    Args:
        status: how it ended.
        board: its trials; the winner's value becomes a metric, its params tags.
        also: further figures of the winner, which replace those of the same name.
    """
    best = {**_winner(board), **(also or {})}
    value = best.get(board.metric)
    # a sweep without a winner has no value, and a metric must be a number
    metrics = {f"best_{board.metric}": value} if isinstance(value, float) else {}
    tags = {f"sweepkit.best_{name}": str(item) for name, item in best.items() if name != board.metric}
    tags["mlflow.note.content"] = markdown(best, board.reasons())
    # not the time of this call: `sync` must give the same, however much later it runs
    return RunEnding(_SWEEP_STATUS[status], metrics, tags, board.last_ended)


def markdown(best: Mapping[str, object], ended: Sequence[tuple[str, int]]) -> str:
    """Return a short text with two tables.

    Args:
        best: number, value, epoch and params of the best trial; empty when no trial has a finite objective.
        ended: reasons, with the number of trials that ended for each, as `leaderboard.reasons` counts them.
    """
    parts = [
        _table(("best trial", ""), [(name, _value(value)) for name, value in best.items()]),
        _table(("how trials ended", "trials"), [(reason, str(count)) for reason, count in ended]),
    ]
    return "\n\n".join(part for part in parts if part) or "No trial has ended."


def _winner(board: Leaderboard) -> dict[str, object]:
    if board.best is None:
        return {}
    best = board.best
    return {"trial": best.number, board.metric: best.best_value, "epoch": best.best_epoch, **best.params}


def _failure_tags(trial: Trial, folder: TrialFolder) -> dict[str, str]:
    """Return how many attempts failed, and of a failed trial the last one's error and the path of the log."""
    tags = {"sweepkit.faults": str(len(trial.failures))} if trial.failures else {}
    if trial.state is not TrialState.FAILED:
        return tags
    tags["sweepkit.log"] = folder.shown(folder.paths.log)
    if trial.failures:
        error = trial.failures[-1].error[-_LONGEST_ERROR:]
        tags["sweepkit.error"] = error
        # the note is the first thing that the page of a run shows
        tags["mlflow.note.content"] = f"Failed: {trial.reason}\n\n```\n{error.rstrip()}\n```\n"
    return tags


def _table(head: tuple[str, str], rows: Sequence[tuple[str, str]]) -> str:
    if not rows:
        return ""
    lines = [head, ("---", "---"), *rows]
    return "\n".join(f"| {_cell(left)} | {_cell(right)} |" for left, right in lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")  # either would end the cell


def _value(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
