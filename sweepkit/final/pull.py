"""Copy a winner into a local folder, from a sweep's storage, an MLflow run or the model registry.

The copy is checked before it counts: the model is loaded and must give the numbers that it gave when it was exported.
Try `pull("models:/cells@champion", Path("winner"), tracking_uri="http://mlflow:5000").manifest`.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from sweepkit.bundle.manifest import BundleManifest, CheckResult, listed_files, read_manifest
from sweepkit.errors import DataError, InputError, Issue
from sweepkit.storage.atomic import unfinished_folder
from sweepkit.tasks.lookup import task_of
from sweepkit.tracking import registry
from sweepkit.training.keras_import import import_keras


@dataclass(frozen=True, slots=True)
class Pulled:
    """A bundle that was copied and checked.

    Attributes:
        folder: of the copy.
        source: where the bundle came from, for messages.
        manifest: of the bundle.
        check: the model's result on the bundle's rows of validation, on this machine.
    """

    folder: Path
    source: str
    manifest: BundleManifest
    check: CheckResult


def pull(
    target: str,
    to: str | Path,
    *,
    tracking_uri: str | None = None,
    sets: Sequence[str] = (),
    data: str | None = None,
) -> Pulled:
    """Copy a winner into a new folder, which appears only when its model has passed the check.

    Args:
        target: a sweep's YAML or folder, a bundle's folder, `runs:/RUN_ID`, `models:/NAME@ALIAS` or
            `models:/NAME/VERSION`.
        to: a new or an empty folder.
        tracking_uri: the store, for runs and models; None means MLFLOW_TRACKING_URI or, without that, mlflow.db in
            the working directory.
        sets: overrides of a sweep's YAML.
        data: takes the place of a sweep's `data.source`.

    Raises:
        InputError: the target has no winner, its store is unreachable, or `to` is in use.
        DataError: the bundle is damaged, or its model fails the check; `to` is unchanged.
    """
    # before any download: a mistyped option or folder costs nothing
    _check_options(target, tracking_uri, sets, data)
    place = _checked_place(to)
    with ExitStack() as stack:
        folder = _new_folder(place, stack)
        source = _fill(folder, target, tracking_uri, sets, data)
        manifest, result = _check(folder, source)
        # last, so that a kill at any point before leaves no folder that looks like a checked bundle
        folder.rename(place)
    return Pulled(place, source, manifest, result)


def _check_options(target: str, tracking_uri: str | None, sets: Sequence[str], data: str | None) -> None:
    if registry.is_remote(target):
        registry.check_target(target)
        if sets or data:
            raise InputError(
                "--set and --data adjust a sweep's YAML, and there is none here; leave them out", where=target
            )
    elif tracking_uri:
        raise InputError(
            "--tracking-uri is for runs:/ and models:/, a sweep's own folder needs none; leave it out", where=target
        )


def _checked_place(to: str | Path) -> Path:
    """Return the absolute path of the new folder; links are followed."""
    place = Path(to).expanduser().resolve()
    if place.exists() and not place.is_dir():
        raise InputError("--to must be a new or an empty folder, this is a file", where=str(to))
    if place.is_dir() and any(place.iterdir()):
        raise InputError("--to must be a new or an empty folder, this one is in use; name another one", where=str(to))
    return place


def _new_folder(to: Path, stack: ExitStack) -> Path:
    try:
        return stack.enter_context(unfinished_folder(to))
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InputError(f"--to cannot be written: {reason}; name another folder", where=str(to)) from None


def _fill(folder: Path, target: str, tracking_uri: str | None, sets: Sequence[str], data: str | None) -> str:
    """Copy the bundle into the folder; return where it came from."""
    if registry.is_remote(target):
        return registry.fetch(target, folder, uri=tracking_uri)
    from sweepkit.final.winner import bundle_of  # not at the top: it may export with TensorFlow

    bundle = bundle_of(Path(target), sets, data)
    for name in listed_files(bundle):
        if (bundle / name).is_file():  # a missing file is reported by the check, with the remedy
            shutil.copy(bundle / name, folder / name)
    return str(bundle)


def _check(folder: Path, source: str) -> tuple[BundleManifest, CheckResult]:
    """Load a bundle and evaluate it on its rows of validation; errors name the place that it came from."""
    import_keras()
    try:
        return task_of(read_manifest(folder, BundleManifest).package).check_bundle(folder)
    except InputError as error:
        # the unfinished folder is deleted, so a message with its name would lead nowhere
        issues = [
            Issue(issue.where.replace(str(folder), source), issue.what.replace(str(folder), source))
            for issue in error.issues
        ]
        remedy = Issue(source, "the pulled bundle cannot be used, and nothing was kept")
        raise DataError([*issues, remedy]) from None
