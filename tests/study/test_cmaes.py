"""CMA-ES without pickles."""

from __future__ import annotations

import json
import pickle
import warnings
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.samplers import BaseSampler, CmaEsSampler
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.storages.journal._base import BaseJournalSnapshot

from sweepkit.errors import InputError
from sweepkit.study.cmaes import JsonCmaEsSampler

N_TRIALS = 40


def param_sets(folder: Path, kind: type[BaseSampler]) -> list[dict[str, Any]]:
    """Run a study over two numbers, with a sampler built anew for each trial, as `SweepStudy` does it."""
    folder.mkdir()
    study = optuna.create_study(storage=JournalStorage(JournalFileBackend(str(folder / "journal.log"))))
    for number in range(N_TRIALS):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            study.sampler = kind(seed=number, consider_pruned_trials=True, warn_independent_sampling=False)  # type: ignore[call-arg]  # of the two kinds
        trial = study.ask()
        x, y = trial.suggest_float("x", -3, 3), trial.suggest_int("y", 0, 50)
        study.tell(trial, (x - 1) ** 2 + y)
    return [trial.params for trial in study.trials]


@pytest.mark.slow
def test_params_are_those_of_optunas_own_sampler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = param_sets(tmp_path / "optuna", CmaEsSampler)
    monkeypatch.setattr(pickle, "loads", lambda *_: pytest.fail("a pickle was loaded"))
    assert param_sets(tmp_path / "ours", JsonCmaEsSampler) == expected
    journal = (tmp_path / "ours" / "journal.log").read_text()
    assert "cma:state:0" in journal
    assert "cma:optimizer" not in journal


class Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (Path("pwned"),)


@pytest.mark.parametrize("key", ["cma:optimizer:0", "cma:state:0"])
def test_a_pickle_in_a_journal_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.chdir(tmp_path)
    trial = optuna.trial.create_trial(value=1.0, system_attrs={key: pickle.dumps(Evil()).hex()})
    if key == "cma:optimizer:0":
        assert JsonCmaEsSampler()._restore_optimizer([trial]) is None
    else:
        with pytest.raises(InputError, match="state of the cmaes sampler cannot be read"):
            JsonCmaEsSampler()._restore_optimizer([trial])
    assert not Path("pwned").exists()


@pytest.mark.parametrize("state", [3, [], {}, {"_n_dim": 10**9}, {"_n_dim": "x"}, {"_n_dim": 2, "tell": 3}])
def test_a_state_of_another_shape_is_refused(state: object) -> None:
    trial = optuna.trial.create_trial(value=1.0, system_attrs={"cma:state:0": json.dumps(state)})
    with pytest.raises(InputError, match="cannot be read"):
        JsonCmaEsSampler()._restore_optimizer([trial])


def test_the_journal_has_no_snapshots_that_would_be_unpickled() -> None:
    assert not issubclass(JournalFileBackend, BaseJournalSnapshot)
