"""Commands as a user starts them, in processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.support import fork_server

ROOT = Path(__file__).parents[2]
TOY = ROOT / "tests" / "toy_sweeps" / "toy.yaml"


def sweepkit(folder: Path, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    """Run a command in `folder` and check how it ends; nobody's MLflow settings reach it."""
    command = [sys.executable, "-m", "sweepkit", *arguments]
    done = subprocess.run(command, cwd=folder, env=_environment(), capture_output=True, text=True, check=False)
    return _checked(done, code)


def forked(folder: Path, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    """Run a command that trains `--inline` as `sweepkit` does, off a process that has imported TensorFlow already."""
    assert "--inline" in arguments, "the driver of a sweep on Ray does without TensorFlow"
    return _checked(fork_server.run(folder, _environment(), *arguments), code)


def _environment() -> dict[str, str]:
    own = {key: value for key, value in os.environ.items() if not key.startswith("MLFLOW_")}
    return own | {"PYTHONPATH": str(ROOT)}


def _checked(done: subprocess.CompletedProcess[str], code: int) -> subprocess.CompletedProcess[str]:
    assert done.returncode == code, f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


def facts(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """Read the one JSON object that stdout must be."""
    value = json.loads(done.stdout)
    assert isinstance(value, dict)
    return value
