"""Trials that go on after they had ended, in a journal whose ended trials never change.

Optuna lets nobody touch a trial whose end it was told. So going on is another entry of the journal, which has all
that the trial had and names the trial that it continues. `ContinuedTrialsStorage` shows the entries of a trial as one,
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

_CONTINUES = "continues"
_STUDY_ID = 0  # a journal holds one study


class ContinuedTrialsStorage(JournalStorage):
    """A journal in which a trial may have several entries, each of which goes on where the one before it ended.

    Samplers and rules see one trial with the newest reports. While it goes on it keeps the state and the value with
    which it had ended: a sampler that took it for a running one would, not knowing better, keep away from the best
    that there is.
    """

    def __init__(self, log_storage: BaseJournalBackend) -> None:
        self._numbers: list[int] = []  # of each entry, the number of its trial
        self._n_trials = 0
        super().__init__(log_storage)

    def study_attrs(self) -> dict[str, Any]:  # whatever was written
        """Return the user attributes of the study; none when the driver died before its first line."""
        return self.get_study_user_attrs(_STUDY_ID) if self.get_all_studies() else {}

    def newest(self) -> list[FrozenTrial]:
        """Return every trial as its last entry has it, by number: one that goes on has no end."""
        return [entries[-1] for entries in self._entries()]

    def get_all_trials(
        self,
        study_id: int,  # noqa: ARG002  # Optuna's signature
        deepcopy: bool = True,
        states: Container[optuna.trial.TrialState] | None = None,
    ) -> list[FrozenTrial]:
        trials = [_settled(entries) for entries in self._entries()]
        chosen = [trial for trial in trials if states is None or trial.state in states]
        return copy.deepcopy(chosen) if deepcopy else chosen

    def get_trial(self, trial_id: int) -> FrozenTrial:
        entry = super().get_trial(trial_id)
        if entry.number >= len(self._numbers):
            self._entries()
        return _numbered(entry, self._numbers[entry.number])

    def get_trial_id_from_study_id_trial_number(self, study_id: int, trial_number: int) -> int:  # noqa: ARG002
        return self.newest()[trial_number]._trial_id

    def _entries(self) -> list[list[FrozenTrial]]:
        """Return the entries of each trial, oldest first."""
        raw = super().get_all_trials(_STUDY_ID, deepcopy=False) if self.get_all_studies() else []
        for entry in raw[len(self._numbers) :]:  # a journal only grows
            number = entry.user_attrs.get(_CONTINUES, self._n_trials)
            self._numbers.append(number)
            self._n_trials = max(self._n_trials, number + 1)
        found: list[list[FrozenTrial]] = [[] for _ in range(self._n_trials)]
        for entry in raw:
            number = self._numbers[entry.number]
            found[number].append(_numbered(entry, number))
        return found


def reopen(study: optuna.Study, trial: FrozenTrial, *, without: Collection[str], also: Mapping[str, object]) -> None:
    """Let an ended trial go on with all that it has, without some user attributes and with others."""
    attrs = {key: value for key, value in trial.user_attrs.items() if key not in without}
    again = optuna.create_trial(
        state=optuna.trial.TrialState.RUNNING,
        params=trial.params,
        distributions=trial.distributions,
        user_attrs=attrs | {_CONTINUES: trial.number, **also},
        system_attrs=trial.system_attrs,
        intermediate_values=trial.intermediate_values,
    )
    again.datetime_start = trial.datetime_start
    study.add_trial(again)


def _settled(entries: Sequence[FrozenTrial]) -> FrozenTrial:
    """Return a trial as samplers and rules are to see it."""
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
    view = copy.copy(entry)  # the journal's own copy keeps its place as its number
    view.number = number
    return view
