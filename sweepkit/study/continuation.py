"""Continue trials that had ended, in a journal whose ended trials never change.

Optuna forbids changing a trial that has ended. So a continuation is another entry of the journal, which has everything
the trial had and the number of the trial that it continues. `ContinuedTrialsStorage` merges the entries of a trial
under its old number, so that nothing counts twice. Try `reopen(study, trial, without=["reason"], also={})`.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Container, Mapping, Sequence
from typing import Any

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import BaseJournalBackend
from optuna.trial import FrozenTrial

# user attribute of an entry: the number of the trial that it continues
_CONTINUES = "continues"
_STUDY_ID = 0  # a journal holds one study


class ContinuedTrialsStorage(JournalStorage):
    """A journal in which a trial may have several entries, each of which continues the one before it.

    Samplers and pruners see one trial with the newest reports. While it runs again, it keeps the state and the value
    with which it had ended: for a running trial, TPE's constant liar assumes a bad value, and would keep suggestions
    away from the best params.
    """

    def __init__(self, log_storage: BaseJournalBackend) -> None:
        self._numbers: list[int] = []  # the trial number of each entry
        self._n_trials = 0
        super().__init__(log_storage)

    def study_attrs(self) -> dict[str, Any]:  # values of any type
        """Return the user attributes of the study; none when the driver died before the first line."""
        return self.get_study_user_attrs(_STUDY_ID) if self.get_all_studies() else {}

    def newest(self) -> list[FrozenTrial]:
        """Return the last entry of every trial, by number; a trial that was continued has not ended in it."""
        return [entries[-1] for entries in self._entries()]

    def get_all_trials(
        self,
        study_id: int,  # noqa: ARG002  # Optuna's signature
        deepcopy: bool = True,
        states: Container[optuna.trial.TrialState] | None = None,
    ) -> list[FrozenTrial]:
        trials = [_as_ended(entries) for entries in self._entries()]
        chosen = [trial for trial in trials if states is None or trial.state in states]
        return copy.deepcopy(chosen) if deepcopy else chosen

    def get_trial(self, trial_id: int) -> FrozenTrial:
        # Optuna calls this with ids, which are those of entries and not of merged trials
        entry = super().get_trial(trial_id)
        if entry.number >= len(self._numbers):
            self._entries()
        return _numbered(entry, self._numbers[entry.number])

    def get_trial_id_from_study_id_trial_number(self, study_id: int, trial_number: int) -> int:  # noqa: ARG002
        # what is written next belongs to the newest entry; Optuna refuses writes to those that have ended
        return self.newest()[trial_number]._trial_id

    def _entries(self) -> list[list[FrozenTrial]]:
        """Return the entries of each trial, oldest first."""
        # without copies: Optuna's deep copies of all trials would cost more than the merging
        raw = super().get_all_trials(_STUDY_ID, deepcopy=False) if self.get_all_studies() else []
        for entry in raw[len(self._numbers) :]:  # a journal only grows, so earlier numbers stay
            number = entry.user_attrs.get(_CONTINUES, self._n_trials)
            self._numbers.append(number)
            self._n_trials = max(self._n_trials, number + 1)
        entries: list[list[FrozenTrial]] = [[] for _ in range(self._n_trials)]
        for entry in raw:
            number = self._numbers[entry.number]
            entries[number].append(_numbered(entry, number))
        return entries


def reopen(study: optuna.Study, trial: FrozenTrial, *, without: Collection[str], also: Mapping[str, object]) -> None:
    """Continue an ended trial with everything it has, less the user attributes `without`, plus those of `also`."""
    attrs = {key: value for key, value in trial.user_attrs.items() if key not in without}
    # one call, and so one line of the journal: a kill leaves the continuation made or not made
    continuation = optuna.create_trial(
        state=optuna.trial.TrialState.RUNNING,
        params=trial.params,
        distributions=trial.distributions,
        user_attrs=attrs | {_CONTINUES: trial.number, **also},
        system_attrs=trial.system_attrs,
        intermediate_values=trial.intermediate_values,
    )
    continuation.datetime_start = trial.datetime_start
    study.add_trial(continuation)


def _as_ended(entries: Sequence[FrozenTrial]) -> FrozenTrial:
    """Return a trial as samplers and pruners are to see it: newest reports, with the state in which it last ended."""
    newest = entries[-1]
    ended = [entry for entry in entries if entry.state.is_finished()]
    if newest.state.is_finished() or not ended:
        return newest
    view = copy.copy(newest)
    view.state, view.values, view.datetime_complete = ended[-1].state, ended[-1].values, ended[-1].datetime_complete
    return view


def _numbered(entry: FrozenTrial, number: int) -> FrozenTrial:
    if entry.number == number:
        return entry
    # a copy, since the journal's own object needs the entry's place as its number
    view = copy.copy(entry)
    view.number = number
    return view
