"""Read a sweep's journal: every trial, its reports and its end, from one append-only file.

`study.SweepStudy` writes it. Try `Journal.read(journal, config).trials()`.
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
from sweepkit.study.lock import JournalLock
from sweepkit.study.usage import DriverRun
from sweepkit.trial import early_stopping
from sweepkit.trial.early_stopping import extensible
from sweepkit.trial.failure import Failure
from sweepkit.trial.leaderboard import Leaderboard
from sweepkit.trial.trial import Report, Trial, TrialState

# The same in all sweeps, since each has a journal of its own. Optuna's Hyperband derives a trial's bracket from this
# name and the trial's number, so another name would change which trials are compared.
STUDY = "sweep"
# keys of user attributes in the journal, which keep their spelling so that old journals can be read
REPORT = "report:"  # of a trial, followed by the epoch: a report as JSON
FAILURE = "fault:"  # of a trial, followed by a count: a failure as JSON
RUN = "run:"  # of the study, followed by a count: a run of the driver
RESUMED = "resumed"  # of a trial: seconds that it had run before, and when it was resumed
_STATES = {
    optuna.trial.TrialState.COMPLETE: TrialState.COMPLETE,
    optuna.trial.TrialState.PRUNED: TrialState.PRUNED,
    optuna.trial.TrialState.FAIL: TrialState.FAILED,
}


class Journal:
    """The trials and runs in a sweep's journal. Reading changes nothing and is possible while the sweep runs."""

    def __init__(self, storage: ContinuedTrialsStorage, config: SweepConfig) -> None:
        self._storage, self.config = storage, config
        self._direction = config.objective.direction

    @classmethod
    def read(cls, journal: Path, config: SweepConfig) -> Journal:
        """Open an existing journal; one with a damaged line in its middle is a DataError."""
        # Optuna logs a line for each trial otherwise, into the output of whichever command reads
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        return cls(open_storage(journal), config)

    def trials(self) -> list[Trial]:
        """Return every trial that was handed out, by number."""
        # a grid queues all of its params at once; those that wait have not been handed out
        return [self._as_trial(t) for t in self._trials() if t.state is not optuna.trial.TrialState.WAITING]

    def trial(self, number: int) -> Trial:
        """Return one trial."""
        return self._as_trial(self._trials()[number])

    def error(self, number: int) -> str | None:
        """Return the traceback of a failed trial, if there is one."""
        return self._trials()[number].user_attrs.get("error")

    def runs(self) -> list[DriverRun]:
        """Return the runs of the sweep so far, oldest first."""
        # their counts have leading zeros, so the order of keys is the order of time
        attrs = sorted(self._storage.study_attrs().items())
        return [DriverRun(**value) for key, value in attrs if key.startswith(RUN)]

    def leaderboard(self) -> Leaderboard:
        """Return the trials as they rank now."""
        objective = self.config.objective
        return Leaderboard(self.trials(), metric=objective.metric, direction=objective.direction)

    def extensible(self) -> list[int]:
        """Return the trials that ended because they had run all of their epochs, and may run more epochs now."""
        return extensible(self.trials(), self.config.stopping.max_epochs)

    def _trials(self) -> list[FrozenTrial]:
        return self._storage.newest()

    def _as_trial(self, trial: FrozenTrial) -> Trial:
        attrs = trial.user_attrs
        texts = (text for key, text in attrs.items() if key.startswith(REPORT))
        # by epoch, not by key: keys have four digits and would sort wrongly beyond 9999
        reports = tuple(sorted((Report.from_json(json.loads(text)) for text in texts), key=lambda report: report.epoch))
        values = [report.metrics.get(self.config.objective.metric, float("nan")) for report in reports]
        best = early_stopping.best_so_far(values, self._direction)
        return Trial(
            number=trial.number,
            params=dict(trial.params),
            reports=reports,
            state=_STATES.get(trial.state),
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
    """Open a journal as a storage of Optuna; a damaged line in its middle is a DataError."""
    try:
        return ContinuedTrialsStorage(JournalFileBackend(str(journal), lock_obj=JournalLock(str(journal))))
    except ValueError as error:  # Optuna's own, for a line that is not a record and is followed by others
        # not repaired: what the line was cannot be known, and later lines may depend on it
        raise DataError(
            f"this journal is damaged in its middle: {error}; restore it from a backup, "
            "or start another sweep with --new",
            where=str(journal),
        ) from None


def _seconds(trial: FrozenTrial, reports: Sequence[Report]) -> float | None:
    """Return for how long a trial has run; the time between an interruption and its resumption does not count."""
    if trial.datetime_start is None:
        return None
    before, start = 0.0, trial.datetime_start.timestamp()
    if RESUMED in trial.user_attrs:
        before, start = json.loads(trial.user_attrs[RESUMED])
    if trial.datetime_complete is not None:
        return float(before + trial.datetime_complete.timestamp() - start)
    return float(before + max(reports[-1].timestamp - start, 0.0)) if reports else 0.0
