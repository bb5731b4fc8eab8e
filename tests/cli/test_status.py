"""What `status` says of trials that met faults, over a real journal."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from sweepkit.cli import app
from sweepkit.config.definition import load
from sweepkit.study.pruning import Decision
from sweepkit.study.study import SweepStudy
from sweepkit.trial.failure import Failure
from sweepkit.trial.trial import TrialState
from tests.support.small_sweeps import YAML, write_sweep, write_trials

LOST = Failure(2, "Ray said …\nits node was lost", counts=False, timestamp=1.0)
RAISED = Failure(2, 'Traceback …\n  File "model.py"\nValueError: [bold] no units', counts=True, timestamp=2.0)


@pytest.fixture
def sweep(sweep_file: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A sweep of three trials: one fine, one that was tried again and runs, one that failed."""
    monkeypatch.chdir(tmp_path)
    yaml = sweep_file(YAML)
    folder = write_sweep(yaml, tmp_path / "runs", [[0.5, 0.6]])
    study = SweepStudy.open(folder / "journal.log", load(yaml).config, load(yaml).space)
    write_trials(study, [[0.5, 0.6], [0.5, 0.6]], ended=False)
    assert study.record_failure(1, LOST)
    assert study.record_failure(2, RAISED)
    assert not study.record_failure(2, RAISED)
    study.note(2, "error", RAISED.error)
    study.finish(2, Decision(TrialState.FAILED, "ValueError: [bold] no units (log: …)"))
    return folder


def status(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    with pytest.raises(SystemExit) as leaving:
        app.main(["status", *(str(argument) for argument in arguments)])
    assert leaving.value.code == 0
    return capsys.readouterr().out


def test_attempts_tracebacks_and_logs_are_shown(sweep: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = status(capsys, sweep).splitlines()
    assert "trial 1 attempt 1, after epoch 2: its node was lost (does not count)" in lines
    assert "trial 2 attempt 1, after epoch 2: ValueError: [bold] no units" in lines
    assert "trial 2 attempt 2, after epoch 2: ValueError: [bold] no units" in lines
    shown = lines.index("trial 2 failed; its log: runs/sweeps/cells/trials/0002/log.txt")
    assert lines[shown + 1 :] == RAISED.error.splitlines()


def test_json_has_them_too(sweep: Path, capsys: pytest.CaptureFixture[str]) -> None:
    facts = json.loads(status(capsys, sweep, "--json"))
    assert facts["faults"] == {"1": [LOST.to_json()], "2": [RAISED.to_json(), RAISED.to_json()]}
    assert facts["errors"] == {"2": RAISED.error}
    assert facts["logs"] == {"2": str(sweep / "trials/0002/log.txt")}
