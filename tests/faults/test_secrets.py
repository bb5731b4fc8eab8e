"""A whole sweep with credentials in its URIs: afterwards they are in no file, no run and no output."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.support.servers import ROOT, environment, tracking

TOY = ROOT / "tests" / "toy_sweeps" / "toy.yaml"
SECRET = "pa55w0rd"

pytestmark = [pytest.mark.tf, pytest.mark.mlflow, pytest.mark.slow, pytest.mark.faults]


def said(folder: Path, *arguments: str, code: int = 0, **more: str) -> str:
    """Run a command and return all that it says."""
    command = [sys.executable, "-m", "sweepkit", *arguments]
    done = subprocess.run(
        command, cwd=folder, env=environment(**more), capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def holding(folder: Path) -> list[str]:
    """Return the files that hold the secret, and those that have it in their names."""
    return [
        str(path.relative_to(folder))
        for path in sorted(folder.rglob("*"))
        if SECRET in path.name or (path.is_file() and SECRET.encode() in path.read_bytes())
    ]


ON_RAY = pytest.param("", id="ray", marks=[pytest.mark.ray])


@pytest.mark.parametrize("where", [pytest.param("--inline", id="inline"), ON_RAY])
def test_credentials_of_the_tracking_store_are_nowhere(tmp_path: Path, where: str) -> None:
    for name in ("server", "sweep"):
        (tmp_path / name).mkdir()
    ray_logs = Path(tempfile.mkdtemp(prefix="swk"))  # sockets lie in it, whose paths must be short
    try:
        with tracking(tmp_path / "server") as address:
            uri = address.replace("://", f"://me:{SECRET}@")
            sets = [
                *("--set", f"tracking.uri={uri}", "--set", f"data.source={uri}/x?token={SECRET}"),
                *("--set", "search={sampler: random, trials: 2}", "--set", "stopping={rule: none, max_epochs: 1}"),
            ]
            run = ["run", str(TOY), *sets, *([where] if where else [])]
            verbs = (["run"], ["validate"], ["plan"], ["status"], ["best"])
            as_json = (["validate", "--json"], ["plan", "--json"], ["status", "--json"], ["best", "--json"])
            outputs = [
                said(tmp_path / "sweep", *run, "--json", RAY_TMPDIR=str(ray_logs)),
                *(said(tmp_path / "sweep", verb, str(TOY), *sets, *rest) for verb, *rest in (*verbs, *as_json)),
            ]
        away = ["--set", "search={sampler: random, trials: 3}", "--inline"]
        outputs += [
            said(tmp_path / "sweep", *run, *away),  # the server is gone
            said(tmp_path / "sweep", "run", str(TOY), "--set", f"storage.uri=s3://me:{SECRET}@bucket/runs", code=2),
            said(tmp_path / "sweep", "run", str(TOY), "--set", f"tracking.uri=[{uri}]", code=2),
            said(tmp_path / "sweep", "run", str(TOY), uri, code=2),
        ]
        assert json.loads((tmp_path / "sweep/runs/sweeps/toy/leaderboard.json").read_text())
        assert [output for output in outputs if SECRET in output] == []
        assert holding(tmp_path) == []
        assert holding(ray_logs) == []
    finally:
        shutil.rmtree(ray_logs, ignore_errors=True)
