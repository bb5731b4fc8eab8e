"""The one door to what the driver and its workers share: prepared data, checkpoints, journal, spool.

A `Storage` is a folder or a bucket. Everything in it has a name: a POSIX path below the root, as `SweepPaths`
and `DataPaths` give it. What is written appears whole or not at all. It is no database: of two writers of one
name the last one wins. Try `Storage.at("runs").write_json("hello.json", {"a": 1})`.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa
import pyarrow.fs as pafs

from sweepkit.errors import InputError
from sweepkit.storage.atomic import UNFINISHED, check_filled, create_file, put_aside, unfinished_folder
from sweepkit.storage.uris import open_filesystem, reason, shown
from sweepkit.storage.write_errors import is_full, writing

_PROBE = bytes(2**16)  # an empty file may still fit on a full disk


class Storage:
    """Files by name below one root, on any file system that pyarrow knows.

    Making one touches nothing: folders appear with the first write, so that asking about a sweep that does
    not exist leaves no trace. Call `check_writable` before starting work whose results must be kept.

    Attributes:
        local: the root as an absolute folder, None when it is not one.
        uri: what `Storage.at` accepts on another machine of the cluster; holds no secrets.
        shown: the same without options, for messages.
    """

    def __init__(self, filesystem: pafs.FileSystem, root: str, *, uri: str | None = None) -> None:
        self._filesystem = filesystem
        self._root = root.rstrip("/") or root
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
        return cls(filesystem, root, uri=None if isinstance(filesystem, pafs.LocalFileSystem) else uri)

    def check_writable(self) -> None:
        """Write and delete a small file, making the root if need be.

        Raises:
            InputError: the root cannot be written; names it.
        """
        probe = f"{UNFINISHED}{uuid.uuid4().hex}"
        try:
            self._write(probe, _PROBE)
            self._remove(self._full(probe))
        except (OSError, pa.ArrowException) as error:
            remedy = "free some space there" if is_full(error) else "change its permissions"
            raise InputError(
                f"storage must be writable, {self.shown!r} is not: {reason(error)}; "
                f"name another folder with storage.uri or {remedy}"
            ) from None

    def path(self, name: str) -> Path:
        """Return the path of a name.

        Raises:
            ValueError: the storage is not a folder; ask `local` first.
        """
        if self.local is None:
            raise ValueError(f"{self.shown!r} is no folder, {name!r} has no path in it")
        return self.local / _relative(name)

    def exists(self, name: str) -> bool:
        """Tell whether a file or folder of this name is there."""
        return bool(self._filesystem.get_file_info(self._full(name)).type != pafs.FileType.NotFound)

    def read(self, name: str) -> bytes:
        """Return a file's content; a missing one is FileNotFoundError."""
        with self._filesystem.open_input_stream(self._full(name), compression=None) as stream:
            return bytes(stream.read())

    def write(self, name: str, data: bytes) -> None:
        """Put a file in place of what had this name, whole or not at all; StorageFault when there is no room."""
        with writing(self._where(name)):
            self._write(name, data)

    def _write(self, name: str, data: bytes) -> None:
        target = self._full(name)
        if self._is_bucket:  # an object appears when its upload is complete, and a bucket has no folders to make
            return self._put(target, data)
        folder = str(PurePosixPath(target).parent)
        self._filesystem.create_dir(folder, recursive=True)
        temporary = f"{folder}/{UNFINISHED}{uuid.uuid4().hex}"
        try:
            self._put(temporary, data)
            self._filesystem.move(temporary, target)
        except BaseException:
            self._remove(temporary)
            raise

    def create(self, name: str, data: bytes) -> bool:
        """Put a file where there is none; False where there is one, which stays as it is.

        Of several that try at once in a folder exactly one succeeds. A bucket makes no such promise: ask again a little
        later whose file it is.
        """
        if self.local is None:
            if self.exists(name):
                return False
            self.write(name, data)
            return True
        with writing(self._where(name)):
            return create_file(self.path(name), data)

    def take(self, name: str) -> bytes | None:
        """Delete a file and return what was in it; of several that ask at once, the others get None."""
        if self.local is None:
            found = self.read(name) if self.exists(name) else None
            self.delete(name)
            return found
        try:
            with writing(self._where(name)):
                aside = put_aside(self.path(name))
        except FileNotFoundError:
            return None
        found = aside.read_bytes()
        aside.unlink()
        return found

    def size(self, folder: str) -> int:
        """Return the bytes of all files in a folder and below it; 0 if it is not there."""
        selector = pafs.FileSelector(self._full(folder), allow_not_found=True, recursive=True)
        return sum(info.size or 0 for info in self._filesystem.get_file_info(selector))

    def read_json(self, name: str) -> Any:  # JSON has no narrower type
        """Return a file's JSON; a missing file is FileNotFoundError, a malformed one ValueError."""
        try:
            return json.loads(self.read(name))
        except RecursionError:
            raise ValueError(f"{name} is nested too deeply") from None

    def write_json(self, name: str, value: Any) -> None:  # as above
        """Write JSON as `write` does; NaN and infinities are kept, as Python's json spells them."""
        self.write(name, (json.dumps(value, indent=1) + "\n").encode())

    def names(self, folder: str) -> list[str]:
        """Return the names of a folder's direct children, sorted; none if it is not there."""
        selector = pafs.FileSelector(self._full(folder), allow_not_found=True)
        found = (str(info.base_name) for info in self._filesystem.get_file_info(selector))
        return sorted(name for name in found if not name.startswith(UNFINISHED))

    def delete(self, name: str) -> None:
        """Delete a file or a folder with all that is in it; quiet when there is none."""
        with writing(self._where(name)):
            if self.local is not None and self.path(name).is_dir():
                # renamed first, so that nobody meets a half-deleted folder
                shutil.rmtree(put_aside(self.path(name)))
            else:
                self._remove(self._full(name))

    def delete_unfinished(self, folder: str) -> None:
        """Delete what a killed process left behind in a folder that nobody else is writing to."""
        selector = pafs.FileSelector(self._full(folder), allow_not_found=True)
        for info in self._filesystem.get_file_info(selector):
            if info.base_name.startswith(UNFINISHED):
                self._remove(info.path)

    @contextmanager
    def new_folder(self, name: str, *, last: str) -> Iterator[Path]:
        """Give an empty local folder to fill; leaving the block puts it in place of what had this name.

        In a folder that is one rename. Elsewhere the files are uploaded and `last` follows when all others
        are there, so that its presence means complete. Nothing is left when the block raises.
        A full disk makes it a StorageFault.
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
            old = put_aside(target) if target.exists() else None
            temporary_folder.rename(target)
        if old:
            shutil.rmtree(old)

    def put_folder(self, local: Path, name: str, *, last: str) -> None:
        """Copy a local folder in, as `new_folder` does; a complete one that is there already stays.

        For folders that are named after their content, which two machines may be making at once.
        """
        if self.exists(f"{name}/{last}"):
            return
        with self.new_folder(name, last=last) as folder:
            shutil.copytree(local, folder, dirs_exist_ok=True)

    def get_folder(self, name: str, local: Path) -> None:
        """Copy a folder into the local folder `local`, which is made; a missing one is FileNotFoundError.

        A bucket may hold objects of any name; one that would be written elsewhere is a ValueError, and nothing is.
        """
        root = self._full(name)
        found = self._filesystem.get_file_info(pafs.FileSelector(root, recursive=True))
        for info in found:
            _relative(info.path.removeprefix(f"{root}/"))
        local.mkdir(parents=True, exist_ok=True)
        pafs.copy_files(
            root,
            str(local),
            source_filesystem=self._filesystem,
            destination_filesystem=pafs.LocalFileSystem(),
        )

    def local_folder(self, name: str, cache: Path) -> Path:
        """Return a local folder with the content of `name`: itself, or a copy below `cache`, made once.

        For folders that never change. Any number of processes of one machine may ask at the same time.
        """
        if self.local is not None:
            return self.path(name)
        # two storages may use the same names
        target = cache / hashlib.sha256(self.uri.encode()).hexdigest()[:12] / _relative(name)
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

    @property
    def _is_bucket(self) -> bool:
        return self._filesystem.type_name in ("s3", "gcs")

    def _full(self, name: str) -> str:
        relative = str(_relative(name))
        if relative == ".":  # which is a name like any other to a bucket
            return self._root
        return f"{self._root.rstrip('/')}/{relative}" if self._root else relative

    def _put(self, full: str, data: bytes) -> None:
        with self._filesystem.open_output_stream(full, compression=None) as stream:
            stream.write(data)

    def _remove(self, full: str) -> None:
        kind = self._filesystem.get_file_info(full).type
        try:
            if kind == pafs.FileType.Directory:
                self._filesystem.delete_dir(full)
            elif kind != pafs.FileType.NotFound:
                self._filesystem.delete_file(full)
        except FileNotFoundError:  # somebody else deleted it in between
            return

    def _upload(self, folder: Path, name: str, *, last: str) -> None:
        check_filled(folder, last)
        self.delete(f"{name}/{last}")  # from now on until the end it counts as incomplete
        self.delete(name)
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        for path in sorted(files, key=lambda path: path == folder / last):
            self.write(f"{name}/{path.relative_to(folder).as_posix()}", path.read_bytes())


def _relative(name: str) -> PurePosixPath:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\0" in name:
        raise ValueError(f"a name in a storage must stay below its root, got {name!r}")
    return path
