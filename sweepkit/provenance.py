"""Where a result comes from: the code's commit, the versions of what it ran on, the machine.

Cheap to ask for: no package is imported for its version. Try `CodeInfo.here(Path("sweeps/toy"))`.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import socket
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

_PACKAGES = ("sweepkit", "tensorflow", "keras", "ray", "optuna", "mlflow", "pyarrow", "nltk", "numpy")
_TIMEOUT_S = 10.0  # a repository on a network folder may be slow; one that hangs says nothing


@dataclass(frozen=True, slots=True)
class CodeState:
    """The commit that a folder is at, and whether files differ from it; None where git cannot tell."""

    commit: str | None
    dirty: bool | None


@dataclass(frozen=True, slots=True)
class CodeInfo:
    """What a sweep's results were computed with.

    Attributes:
        commit: of the sweep package's repository; None outside of one.
        dirty: whether files differ from it; None where git cannot tell.
        versions: of Python and of the packages that results depend on.
        host: the driver's machine.
    """

    KEYS: ClassVar = ("commit", "dirty", "versions", "host")

    commit: str | None = None
    dirty: bool | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    host: str = ""

    @classmethod
    def here(cls, folder: Path) -> CodeInfo:
        """Describe this process, and the repository that holds a sweep package's folder."""
        state = code_state(folder)
        return cls(state.commit, state.dirty, versions(), host())

    def to_json(self) -> dict[str, Any]:  # a JSON object has no narrower type
        return {"commit": self.commit, "dirty": self.dirty, "versions": dict(self.versions), "host": self.host}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> CodeInfo:  # JSON that has these keys among others
        """Rebuild what `to_json` returned; what is missing stays unknown."""
        return cls(data.get("commit"), data.get("dirty"), data.get("versions", {}), data.get("host", ""))


@dataclass(frozen=True, slots=True)
class Machine:
    """What this process may use: cores, and memory in GB (None where the system does not say)."""

    cores: int
    memory_gb: float | None


def code_state(folder: Path) -> CodeState:
    """Ask git about the repository that holds a folder."""
    commit = _git(folder, "rev-parse", "HEAD")
    status = _git(folder, "status", "--porcelain") if commit else None
    return CodeState(commit or None, None if status is None else bool(status))


def versions() -> dict[str, str]:
    """Return the installed versions of Python and of the packages that results depend on."""
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue  # sweepkit itself, when it is run from its checkout
    return found


def host() -> str:
    """Return this machine's name."""
    return socket.gethostname()


def machine() -> Machine:
    """Return what this process may use of the machine."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    except (AttributeError, ValueError, OSError):
        return Machine(cores, None)
    return Machine(cores, round(memory, 1))


def _git(folder: Path, *arguments: str) -> str | None:
    """Run git in a folder; None where there is no git, no repository or no answer."""
    command = ["git", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
