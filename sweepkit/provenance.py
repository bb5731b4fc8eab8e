"""The provenance of a result: the commit of the code, the installed versions, the machine.

Cheap: no package is imported to read its version. Try `CodeInfo.here(Path("sweeps/toy"))`.
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
_TIMEOUT_S = 10.0  # a repository on a network folder may be slow; if git hangs, the commit stays unknown


@dataclass(frozen=True, slots=True)
class CodeState:
    """The commit checked out in a folder, and whether files differ from it; None if git cannot tell."""

    commit: str | None
    dirty: bool | None


@dataclass(frozen=True, slots=True)
class CodeInfo:
    """The code and the machine that computed a sweep's results.

    Attributes:
        commit: checked out in the sweep package's repository; None outside of a repository.
        dirty: whether files differ from the commit; None if git cannot tell.
        versions: of Python and of the packages that results depend on.
        host: name of the driver's machine.
    """

    KEYS: ClassVar = ("commit", "dirty", "versions", "host")

    commit: str | None = None
    dirty: bool | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    host: str = ""

    @classmethod
    def here(cls, folder: Path) -> CodeInfo:
        """Describe this process and the repository that contains a sweep package's folder."""
        state = code_state(folder)
        return cls(state.commit, state.dirty, versions(), host())

    def to_json(self) -> dict[str, Any]:  # a JSON object has no narrower type
        return {"commit": self.commit, "dirty": self.dirty, "versions": dict(self.versions), "host": self.host}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> CodeInfo:  # JSON with these keys among others
        """Rebuild what `to_json` returned; a missing key leaves its value unknown."""
        return cls(data.get("commit"), data.get("dirty"), data.get("versions", {}), data.get("host", ""))


@dataclass(frozen=True, slots=True)
class Machine:
    """The cores and the memory in GB that this process may use; memory is None if the system does not report it."""

    cores: int
    memory_gb: float | None


def code_state(folder: Path) -> CodeState:
    """Read commit and state of the repository that contains a folder."""
    commit = _git(folder, "rev-parse", "HEAD")
    status = _git(folder, "status", "--porcelain") if commit else None
    return CodeState(commit or None, None if status is None else bool(status))


def versions() -> dict[str, str]:
    """Return the installed versions of Python and of the packages that results depend on."""
    installed = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            installed[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue  # sweepkit itself, run from a checkout without being installed
    return installed


def host() -> str:
    """Return this machine's name."""
    return socket.gethostname()


def machine() -> Machine:
    """Return the part of the machine that this process may use."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    except (AttributeError, ValueError, OSError):
        return Machine(cores, None)
    return Machine(cores, round(memory, 1))


def _git(folder: Path, *arguments: str) -> str | None:
    """Run git in a folder; None without git, without a repository, or after the timeout."""
    command = ["git", "-C", str(folder), *arguments]
    try:
        completed = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return completed.stdout.strip() if completed.returncode == 0 else None
