"""The provenance of a result."""

from __future__ import annotations

import importlib.metadata
import subprocess
from pathlib import Path

import pytest

from sweepkit.provenance import CodeState, code_state, host, machine, versions


def git(folder: Path, *arguments: str) -> str:
    author = ["-c", "user.name=tester", "-c", "user.email=tester@localhost", "-c", "commit.gpgsign=false"]
    command = ["git", "-C", str(folder), *author, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def test_a_repository_has_a_commit_and_is_dirty_when_a_file_differs(tmp_path: Path) -> None:
    git(tmp_path, "init")
    (tmp_path / "a.txt").write_text("one")
    assert code_state(tmp_path) == CodeState(None, None)  # no commit yet
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "first")
    commit = git(tmp_path, "rev-parse", "HEAD")
    (tmp_path / "sub").mkdir()
    assert code_state(tmp_path / "sub") == CodeState(commit, False)
    (tmp_path / "a.txt").write_text("two")
    assert code_state(tmp_path) == CodeState(commit, True)


def test_a_folder_outside_of_any_repository_has_no_commit(tmp_path: Path) -> None:
    assert code_state(tmp_path) == CodeState(None, None)


def test_without_git_there_is_no_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert code_state(tmp_path) == CodeState(None, None)


def test_versions_are_those_installed() -> None:
    installed = versions()
    assert installed["numpy"] == importlib.metadata.version("numpy")
    assert installed["python"].count(".") == 2


def test_the_machine_has_cores_and_a_name() -> None:
    assert machine().cores >= 1
    assert host()
