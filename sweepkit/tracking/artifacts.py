"""The bundle among the artifacts of a run or a model: found by its manifest, copied file by file.

A store is not trusted with paths: only plain names that a bundle's manifest lists are written, into one folder.
"""

from __future__ import annotations

import tempfile
from pathlib import Path, PurePosixPath

from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

from sweepkit.bundle.manifest import FACTS, listed_files
from sweepkit.tracking.errors import RefusedError
from sweepkit.tracking.uris import is_file

_DEEPEST = 4  # folders below the root; a model's bundle is two down


class Artifacts:
    """What is stored at one place; `models` lets its methods raise in sweepkit's words.

    Args:
        location: as the store names it: a folder, a bucket, or a place that its server hands out.
        tracking_uri: the store.

    Raises:
        RefusedError: the place is a folder that only the server's machine has.
    """

    def __init__(self, location: str, *, tracking_uri: str) -> None:
        if not is_file(tracking_uri) and not _may_exist(location):
            raise RefusedError(
                f"its artifacts are in {location!r}, which is not there on this machine; a server hands them out when "
                "it is started without --no-serve-artifacts and --default-artifact-root"
            )
        self._repository = get_artifact_repository(location, tracking_uri=tracking_uri)

    def only_bundle(self, what: str, *, below: str = "") -> str:
        """Return the folder of the only bundle.

        Args:
            what: whose artifacts these are, for messages.
            below: where to look; empty for everywhere.

        Raises:
            RefusedError: there is none, or more than one.
        """
        found = self.bundles(below)
        if not found:
            place = f" in {below!r}" if below else ""
            raise RefusedError(f"{what} has no bundle{place}, which is a folder with a {FACTS}")
        if len(found) > 1:
            raise RefusedError(f"{what} has several bundles: {', '.join(found)}; add one to its name, after a slash")
        return found[0]

    def bundles(self, below: str = "") -> list[str]:
        """Return the folders that hold a bundle, sorted; "" is the place itself."""
        found, pending = [], [below.strip("/")]
        while pending:
            folder = pending.pop()
            entries = self._repository.list_artifacts(folder or None)
            if any(PurePosixPath(entry.path).name == FACTS and not entry.is_dir for entry in entries):
                found.append(folder)
            elif len(PurePosixPath(folder).parts) < _DEEPEST:
                pending += [entry.path for entry in entries if entry.is_dir and _is_below(entry.path, folder)]
        return sorted(found)

    def fetch(self, bundle: str, folder: Path) -> None:
        """Copy a bundle's files into a folder; one that is not there is left out, for loading to notice."""
        listed = self._repository.list_artifacts(bundle or None)
        stored = {PurePosixPath(entry.path).name for entry in listed}
        with tempfile.TemporaryDirectory(prefix=".incoming-", dir=folder) as scratch:
            if FACTS not in stored:
                return
            manifest = self._download(bundle, FACTS, Path(scratch))
            for name in listed_files(manifest.parent):
                if name == FACTS:  # the last, so that its presence means complete
                    manifest.rename(folder / name)
                elif name in stored:
                    self._download(bundle, name, Path(scratch)).rename(folder / name)

    def _download(self, bundle: str, name: str, scratch: Path) -> Path:
        place = f"{bundle}/{name}" if bundle else name
        path = Path(str(self._repository.download_artifacts(place, str(scratch))))  # type: ignore[no-untyped-call]  # MLflow is typed in part
        if not path.is_file():
            raise RefusedError(f"{place} is not a file")
        return path


def _may_exist(location: str) -> bool:
    """Tell whether a place can be looked into: it is no folder, or one that is there."""
    path = location.removeprefix("file://")
    return not path.startswith("/") or Path(path).exists()


def _is_below(path: str, folder: str) -> bool:
    """Tell whether a listed path is what it should be: one more part than the folder that was listed."""
    parts = PurePosixPath(path).parts
    return parts[:-1] == PurePosixPath(folder).parts and not {"..", "/"} & set(parts) and "\\" not in path
