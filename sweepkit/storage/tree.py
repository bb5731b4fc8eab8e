"""Files by name below one root of a pyarrow file system: the operations that `Storage` is built from.

Errors are those of pyarrow and the operating system; `Storage` translates them. Try
`FileTree(pafs.LocalFileSystem(), "runs").names("sweeps")`.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pyarrow.fs as pafs

from sweepkit.storage.atomic import UNFINISHED, unfinished_name

# Stores of objects: no folders to make, and an object appears only when its upload is complete. Other file systems of
# pyarrow need a rename for that, which a store of objects does not have.
_OBJECT_STORES = ("s3", "gcs")


class FileTree:
    """Files by name below a root; names are POSIX paths that cannot lead out of it."""

    def __init__(self, filesystem: pafs.FileSystem, root: str) -> None:
        self._filesystem = filesystem
        # the root of a file system is its own name without a slash at the end
        self._root = root.rstrip("/") or root

    def exists(self, name: str) -> bool:
        """Return whether there is a file or folder of this name."""
        return bool(self._filesystem.get_file_info(self._full(name)).type != pafs.FileType.NotFound)

    def read(self, name: str) -> bytes:
        """Return a file's content; a missing one is FileNotFoundError."""
        # without compression=None pyarrow would unpack names like a.gz
        with self._filesystem.open_input_stream(self._full(name), compression=None) as stream:
            return bytes(stream.read())

    def write(self, name: str, data: bytes) -> None:
        """Replace what has this name by a file, whole or not at all."""
        target = self._full(name)
        if self._filesystem.type_name in _OBJECT_STORES:
            return self._put(target, data)
        folder = str(PurePosixPath(target).parent)
        self._filesystem.create_dir(folder, recursive=True)
        temporary = f"{folder}/{unfinished_name()}"
        try:
            self._put(temporary, data)
            self._filesystem.move(temporary, target)
        except BaseException:
            self._remove(temporary)
            raise

    def delete(self, name: str) -> None:
        """Delete a file or a folder with its content; nothing happens if there is none."""
        self._remove(self._full(name))

    def delete_unfinished(self, folder: str) -> None:
        """Delete what was being written or deleted in a folder when its process was killed."""
        for info in self._children(folder):
            if info.base_name.startswith(UNFINISHED):
                self._remove(info.path)

    def names(self, folder: str) -> list[str]:
        """Return the names of a folder's direct children, sorted; none if it does not exist."""
        names = (str(info.base_name) for info in self._children(folder))
        return sorted(name for name in names if not name.startswith(UNFINISHED))

    def size(self, folder: str) -> int:
        """Return the bytes of all files in a folder and below it; 0 if it does not exist."""
        return sum(info.size or 0 for info in self._children(folder, recursive=True))

    def download(self, folder: str, local: Path) -> None:
        """Copy a folder into the local folder `local`, which is made; a missing one is FileNotFoundError.

        Raises:
            ValueError: the folder has an object whose name leads out of it; nothing is copied.
        """
        root = self._full(folder)
        # a bucket may have objects of any name, and whoever can write to it must not be able to write elsewhere
        for info in self._filesystem.get_file_info(pafs.FileSelector(root, recursive=True)):
            relative(info.path.removeprefix(f"{root}/"))
        local.mkdir(parents=True, exist_ok=True)
        pafs.copy_files(
            root,
            str(local),
            source_filesystem=self._filesystem,
            destination_filesystem=pafs.LocalFileSystem(),
        )

    def _full(self, name: str) -> str:
        below = str(relative(name))
        if below == ".":  # to a store of objects a name like any other
            return self._root
        return f"{self._root.rstrip('/')}/{below}" if self._root else below

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
        except FileNotFoundError:  # another process deleted it in between
            return

    def _children(self, folder: str, *, recursive: bool = False) -> list[pafs.FileInfo]:
        selector = pafs.FileSelector(self._full(folder), allow_not_found=True, recursive=recursive)
        return list(self._filesystem.get_file_info(selector))


def relative(name: str) -> PurePosixPath:
    """Return a name as a path below a root.

    Raises:
        ValueError: the path would lead out of the root.
    """
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\0" in name:
        raise ValueError(f"a name in a storage must stay below its root, got {name!r}")
    return path
