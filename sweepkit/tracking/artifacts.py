"""The bundle among the artifacts of a run or a model: found by its manifest, copied file by file.

A store is not trusted with paths: only plain names that a bundle's manifest lists are written, into one folder.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

from sweepkit.bundle.manifest import MANIFEST, listed_files
from sweepkit.storage.atomic import unfinished_folder
from sweepkit.tracking.errors import RefusedError
from sweepkit.tracking.uris import is_file

_DEEPEST = 4  # folders below the root; a model's bundle is two down


class Artifacts:
    """The artifacts at one location; `ModelStore` translates what its methods raise.

    Args:
        location: as the store names it: a folder, a bucket, or an address that its server proxies.
        tracking_uri: the store.

    Raises:
        RefusedError: the location is a folder that only the server's machine has.
    """

    def __init__(self, location: str, *, tracking_uri: str) -> None:
        # without this check, MLflow would list an empty folder
        if not is_file(tracking_uri) and not _may_exist(location):
            raise RefusedError(
                f"its artifacts are in {location!r}, which does not exist on this machine; a server hands them out "
                "when it is started without --no-serve-artifacts and --default-artifact-root"
            )
        self._repository = get_artifact_repository(location, tracking_uri=tracking_uri)

    def only_bundle(self, what: str, *, below: str = "") -> str:
        """Return the folder of the only bundle.

        Args:
            what: the run or version that has these artifacts, for messages.
            below: the folder to search; empty for everything.

        Raises:
            RefusedError: there is none, or more than one.
        """
        bundles = self.bundles(below)
        if not bundles:
            place = f" in {below!r}" if below else ""
            raise RefusedError(f"{what} has no bundle{place}, which is a folder with a {MANIFEST}")
        if len(bundles) > 1:
            raise RefusedError(f"{what} has several bundles: {', '.join(bundles)}; add one to its name, after a slash")
        return bundles[0]

    def bundles(self, below: str = "") -> list[str]:
        """Return the folders that hold a bundle, sorted; "" is the location itself."""
        bundles, pending = [], [below.strip("/")]
        while pending:
            folder = pending.pop()
            entries = self._repository.list_artifacts(folder or None)
            if any(PurePosixPath(entry.path).name == MANIFEST and not entry.is_dir for entry in entries):
                bundles.append(folder)
            # every folder is a request, and a run may have thousands of other artifacts
            elif len(PurePosixPath(folder).parts) < _DEEPEST:
                pending += [entry.path for entry in entries if entry.is_dir and _is_below(entry.path, folder)]
        return sorted(bundles)

    def fetch(self, bundle: str, folder: Path) -> None:
        """Copy a bundle's files into a folder; one that is not there is left out, for loading to notice."""
        listed = self._repository.list_artifacts(bundle or None)
        stored = {PurePosixPath(entry.path).name for entry in listed}
        if MANIFEST not in stored:
            return
        with unfinished_folder(folder / MANIFEST) as scratch:
            manifest = self._download(bundle, MANIFEST, scratch)
            for name in listed_files(manifest.parent):
                if name == MANIFEST:  # the last, so that its presence means complete
                    manifest.rename(folder / name)
                elif name in stored:
                    self._download(bundle, name, scratch).rename(folder / name)

    def _download(self, bundle: str, name: str, scratch: Path) -> Path:
        place = f"{bundle}/{name}" if bundle else name
        path = Path(str(self._repository.download_artifacts(place, str(scratch))))  # type: ignore[no-untyped-call]  # MLflow is typed in part
        if not path.is_file():
            raise RefusedError(f"{place} is not a file")
        return path


def _may_exist(location: str) -> bool:
    """Return whether a location can be listed from here: it is not a folder, or one that exists."""
    path = location.removeprefix("file://")
    return not path.startswith("/") or Path(path).exists()


def _is_below(path: str, folder: str) -> bool:
    """Return whether a listed path is directly below the folder that was listed, as a malicious store's may not be."""
    parts = PurePosixPath(path).parts
    return parts[:-1] == PurePosixPath(folder).parts and not {"..", "/"} & set(parts) and "\\" not in path
