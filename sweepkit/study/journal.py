"""The journal of a sweep, read: every trial, its reports and its end, from one append-only file.

Not for writing: that is `study`'s. Try `Journal.read(journal, spec).records()`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import optuna
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial

from sweepkit.config.schema import SweepConfig
from sweepkit.errors import DataError
from sweepkit.study.continuation import ContinuedTrialsStorage
from sweepkit.study.usage import DriverRun
from sweepkit.trial import early_stopping
from sweepkit.trial.failure import Failure
from sweepkit.trial.trial import Report, Trial, TrialState

# the journal is the sweep's own, so the name need not tell sweeps apart; Hyperband derives brackets from it
STUDY = "sweep"
# keys of what is written about a trial, or about the study; the first three are followed by a number
REPORT, FAILURE, RUN = "report:", "fault:", "run:"
RESUMED = "resumed"
_OUTCOMES = {
    optuna.trial.TrialState.COMPLETE: TrialState.COMPLETE,
    optuna.trial.TrialState.PRUNED: TrialState.PRUNED,
    optuna.trial.TrialState.FAIL: TrialState.FAILED,
}


class Journal:
    """What a sweep's journal says: every trial, its reports and its end. Reading changes nothing and may happen while
    the sweep runs."""

    def __init__(self, storage: ContinuedTrialsStorage, config: SweepConfig) -> None:
        self._storage, self.config = storage, config
        self._direction = config.objective.direction

    @classmethod
    def read(cls, journal: Path, config: SweepConfig) -> Journal:
        """Open an existing journal; one with a damaged line in its middle is a DataError."""
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        return cls(open_storage(journal), config)

    def trials(self) -> list[Trial]:
        """Return every trial that was handed out, by number."""
        return [self._as_record(t) for t in self._trials() if t.state is not optuna.trial.TrialState.WAITING]

    def trial(self, number: int) -> Trial:
        """Return one trial."""
        return self._as_record(self._trials()[number])

    def error(self, number: int) -> str | None:
        """Return the traceback that a failed trial left, if it left one."""
        return self._trials()[number].user_attrs.get("error")

    def runs(self) -> list[DriverRun]:
        """Return the runs of the sweep so far, oldest first."""
        attrs = sorted(self._storage.study_attrs().items())
        return [DriverRun(**value) for key, value in attrs if key.startswith(RUN)]

    def extensible(self) -> list[int]:
        """Return the trials that ended because they had run all of their epochs, and fewer than they may run now."""
        last = self.config.stopping.max_epochs
        return [r.number for r in self.trials() if r.epoch < last and r.reason == ran_all(r.epoch)]

    def _trials(self) -> list[FrozenTrial]:
        return self._storage.newest()

    def _as_record(self, trial: FrozenTrial) -> Trial:
        attrs = trial.user_attrs
        found = (Report.from_json(json.loads(text)) for key, text in attrs.items() if key.startswith(REPORT))
        reports = tuple(sorted(found, key=lambda report: report.epoch))
        values = [r.metrics.get(self.config.objective.metric, float("nan")) for r in reports]
        best = early_stopping.best_so_far(values, self._direction)
        return Trial(
            number=trial.number,
            params=dict(trial.params),
            reports=reports,
            state=_OUTCOMES.get(trial.state),
            reason=attrs.get("reason"),
            best_value=best[0] if best else None,
            best_epoch=reports[best[1]].epoch if best else None,
            run_id=attrs.get("run_id"),
            started=trial.datetime_start.timestamp() if trial.datetime_start else None,
            seconds=_seconds(trial, reports),
            ended=trial.datetime_complete.timestamp() if trial.datetime_complete else None,
            failures=tuple(
                Failure.from_json(json.loads(text)) for key, text in sorted(attrs.items()) if key.startswith(FAILURE)
            ),
        )


def open_storage(journal: Path) -> ContinuedTrialsStorage:
    """Open a journal as Optuna wants it; a damaged line in its middle is a DataError."""
    try:
        return ContinuedTrialsStorage(JournalFileBackend(str(journal)))
    except ValueError as error:  # Optuna's own, for a line that is no record and is followed by others
        raise DataError(
            f"this journal is damaged in its middle: {error}; put a copy of it in its place, "
            "or start the sweep anew with --new",
            where=str(journal),
        ) from None


def ran_all(n_epochs: int) -> str:
    """Say why a survivor ended; `extensible` knows them by it."""
    return f"ran all {n_epochs} epochs"


def _seconds(trial: FrozenTrial, reports: Sequence[Report]) -> float | None:
    """Return for how long a trial has run; the time between an interruption and going on does not count."""
    if trial.datetime_start is None:
        return None
    before, start = 0.0, trial.datetime_start.timestamp()
    if RESUMED in trial.user_attrs:
        before, start = json.loads(trial.user_attrs[RESUMED])
    if trial.datetime_complete is not None:
        return float(before + trial.datetime_complete.timestamp() - start)
    return float(before + max(reports[-1].timestamp - start, 0.0)) if reports else 0.0
