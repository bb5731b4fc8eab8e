"""What the driver and its workers share: prepared data, checkpoints, journal, spool.

A `Storage` is a folder or a bucket. Everything in it has a name: a POSIX path below the root, as `SweepPaths`
and `DataPaths` return it. A write is complete or has no effect. It is not a database: of two writers of one
name the last one wins. Try `Storage.at("runs").write_json("hello.json", {"a": 1})`.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.fs as pafs

from sweepkit.errors import InputError
from sweepkit.storage.atomic import check_filled, create_file, put_aside, unfinished_folder, unfinished_name
from sweepkit.storage.tree import FileTree, relative
from sweepkit.storage.uris import open_filesystem, reason, shown
from sweepkit.storage.write_errors import is_full, writing

_PROBE = bytes(2**16)  # an empty file may still fit on a full disk


class Storage:
    """Files by name below one root, on any file system that pyarrow supports.

    Making one has no effect on disk: folders appear with the first write, so that asking about a sweep that does
    not exist leaves no trace. Call `check_writable` before starting work whose results must be kept.

    Attributes:
        local: the root as an absolute folder, None when it is not one.
        uri: what `Storage.at` accepts on another machine of the cluster; holds no secrets.
        shown: the same without options, for messages.
    """

    def __init__(self, filesystem: pafs.FileSystem, root: str, *, uri: str | None = None) -> None:
        self._tree = FileTree(filesystem, root)
        is_local = isinstance(filesystem, pafs.LocalFileSystem)
        self.local: Path | None = Path(root).absolute() if is_local else None
        self.uri = uri or (str(self.local) if is_local else f"{filesystem.type_name}://{root}")
        self.shown = shown(self.uri)

    @classmethod
    def at(cls, uri: str) -> Storage:
        """Open the storage at a path (relative to the working directory) or a URI: file, s3 or gs.

        Raises:
            InputError: the URI is of another scheme, is malformed, or holds credentials.
        """
        filesystem, root = open_filesystem(uri)
        # a folder's own URI is its absolute path: workers have another working directory
        return cls(filesystem, root, uri=None if isinstance(filesystem, pafs.LocalFileSystem) else uri)

    def check_writable(self) -> None:
        """Write and delete a small file, making the root if need be.

        Raises:
            InputError: the root cannot be written; names it.
        """
        probe = unfinished_name()
        try:
            self._tree.write(probe, _PROBE)
            self._tree.delete(probe)
        except (OSError, pa.ArrowException) as error:
            remedy = "free some space there" if is_full(error) else "change its permissions"
            raise InputError(
                f"storage must be writable, {self.shown!r} is not: {reason(error)}; "
                f"name another folder with storage.uri or {remedy}"
            ) from None

    def path(self, name: str) -> Path:
        """Return the path of a name.

        Raises:
            ValueError: the storage is not a folder; check `local` first.
        """
        if self.local is None:
            raise ValueError(f"{self.shown!r} is not a folder, {name!r} has no path in it")
        return self.local / relative(name)

    def exists(self, name: str) -> bool:
        """Return whether there is a file or folder of this name."""
        return self._tree.exists(name)

    def names(self, folder: str) -> list[str]:
        """Return the names of a folder's direct children, sorted; none if it does not exist."""
        return self._tree.names(folder)

    def size(self, folder: str) -> int:
        """Return the bytes of all files in a folder and below it; 0 if it does not exist."""
        return self._tree.size(folder)

    def read(self, name: str) -> bytes:
        """Return a file's content; a missing one is FileNotFoundError."""
        return self._tree.read(name)

    def read_json(self, name: str) -> Any:  # JSON has no narrower type
        """Return a file's JSON; a missing file is FileNotFoundError, a malformed one ValueError."""
        try:
            return json.loads(self.read(name))
        except RecursionError:
            raise ValueError(f"{name} is nested too deeply") from None

    def write(self, name: str, data: bytes) -> None:
        """Replace what has this name by a file, whole or not at all; StorageFault when there is no room."""
        with writing(self._where(name)):
            self._tree.write(name, data)

    def write_json(self, name: str, value: Any) -> None:  # JSON has no narrower type
        """Write JSON as `write` does; NaN and infinities are kept, in the spelling of Python's json."""
        self.write(name, (json.dumps(value, indent=1) + "\n").encode())

    def create(self, name: str, data: bytes) -> bool:
        """Write a file unless there is one; False if there is one, which stays as it is.

        Of several simultaneous calls in a folder exactly one succeeds. In a bucket more than one may: read the file a
        little later to see whose it is.
        """
        if self.local is None:
            if self.exists(name):
                return False
            self.write(name, data)
            return True
        with writing(self._where(name)):
            return create_file(self.path(name), data)

    def take(self, name: str) -> bytes | None:
        """Delete a file and return its content; of several simultaneous calls, the others return None."""
        if self.local is None:
            content = self.read(name) if self.exists(name) else None
            self.delete(name)
            return content
        try:
            # only one process can rename it
            with writing(self._where(name)):
                aside = put_aside(self.path(name))
        except FileNotFoundError:
            return None
        content = aside.read_bytes()
        aside.unlink()
        return content

    def delete(self, name: str) -> None:
        """Delete a file or a folder with its content; nothing happens if there is none."""
        with writing(self._where(name)):
            if self.local is not None and self.path(name).is_dir():
                # renamed first, so that no reader meets a half-deleted folder
                shutil.rmtree(put_aside(self.path(name)))
            else:
                self._tree.delete(name)

    def delete_unfinished(self, folder: str) -> None:
        """Delete what a killed process left behind in a folder that no other process is writing to."""
        self._tree.delete_unfinished(folder)

    @contextmanager
    def new_folder(self, name: str, *, last: str) -> Iterator[Path]:
        """Provide an empty local folder to fill; leaving the block moves it to this name, replacing what was there.

        In a folder that is one rename. Elsewhere the files are uploaded, `last` after all others, so that its presence
        means complete. Nothing is left when the block raises. A full disk makes it a StorageFault.
        """
        if self.local is None:
            with tempfile.TemporaryDirectory(prefix="sweepkit-") as temporary:
                yield Path(temporary)
                self._upload(Path(temporary), name, last=last)
            return
        target = self.path(name)
        with writing(str(target)), unfinished_folder(target) as temporary_folder:
            yield temporary_folder
            check_filled(temporary_folder, last)
            # two renames, since a folder cannot be renamed onto one that has files
            old = put_aside(target) if target.exists() else None
            temporary_folder.rename(target)
        if old:
            shutil.rmtree(old)

    def put_folder(self, local: Path, name: str, *, last: str) -> None:
        """Copy a local folder in, as `new_folder` does; a complete one of this name stays.

        For folders that are named after their content, which two machines may be making at once.
        """
        if self.exists(f"{name}/{last}"):
            return
        with self.new_folder(name, last=last) as folder:
            shutil.copytree(local, folder, dirs_exist_ok=True)

    def get_folder(self, name: str, local: Path) -> None:
        """Copy a folder into the local folder `local`, which is made; a missing one is FileNotFoundError.

        Raises:
            ValueError: the folder has an object whose name leads out of it; nothing is copied.
        """
        self._tree.download(name, local)

    def local_folder(self, name: str, cache: Path) -> Path:
        """Return a local folder with the content of `name`: the folder itself, or a copy below `cache`, made once.

        For folders that never change. Any number of processes of one machine may call it at the same time.
        """
        if self.local is not None:
            return self.path(name)
        # two storages may use the same names
        target = cache / hashlib.sha256(self.uri.encode()).hexdigest()[:12] / relative(name)
        if not target.exists():
            with unfinished_folder(target) as temporary:
                self.get_folder(name, temporary)
                try:
                    temporary.rename(target)
                except OSError:
                    if not target.exists():  # otherwise another process was faster, and its copy is as good
                        raise
        return target

    def _where(self, name: str) -> str:
        return f"{self.shown}/{name}"

    def _upload(self, folder: Path, name: str, *, last: str) -> None:
        check_filled(folder, last)
        self.delete(f"{name}/{last}")  # from now on until the end it counts as incomplete
        self.delete(name)
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        # a stable sort by a condition: `last` moves to the end
        for path in sorted(files, key=lambda path: path == folder / last):
            self.write(f"{name}/{path.relative_to(folder).as_posix()}", path.read_bytes())
