"""Small real file systems for tests: one that can be full, and one that can become read-only."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

_BLOCK = 4096


class SmallDisk:
    """A file system in memory, mounted at `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"
        self._n_blocks = shutil.disk_usage(folder).total // _BLOCK + 1

    def fill(self, *, but: int = 0) -> None:
        """Use up all space but this many bytes."""
        with contextlib.suppress(OSError), self._ballast.open("ab") as file:
            for _ in range(self._n_blocks):  # the one that does not fit ends it
                file.write(bytes(_BLOCK))
                file.flush()
        with self._ballast.open("r+b") as file:
            file.truncate(max(0, self._ballast.stat().st_size - but))

    def clear(self) -> None:
        self._ballast.unlink()

    def remount(self, how: str) -> None:
        """Make it read-only (`ro`) or writable again (`rw`)."""
        subprocess.run(["mount", "-o", f"remount,{how}", str(self.folder)], check=True)


@contextlib.contextmanager
def small_disk(folder: Path, *, size: str = "2m") -> Iterator[SmallDisk]:
    """Mount a small file system for the time of the block; skips the test where that is not allowed."""
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
