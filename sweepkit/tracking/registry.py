"""The model registry: a sweep's winner under a name, for whoever wants to use it without knowing the sweep.

The public functions, which check their input and name the store in errors; the requests are in `registered_models`.
Try
`register(uri, run_id=run_id, folder=Path("runs/sweeps/cells/winner"), name="cells").uri`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sweepkit.errors import InputError
from sweepkit.tracking.connect import connect
from sweepkit.tracking.errors import StoreError, UnreachableError
from sweepkit.tracking.uris import exists, located, shown

if TYPE_CHECKING:
    from sweepkit.tracking.registered_models import ModelStore

_MODEL = re.compile(r"models:/+(?P<name>[^/@:]+)(?:@(?P<alias>[^/@:]+)|/(?P<version>\d+))")
_RUN = re.compile(r"runs:/+(?P<run_id>[^/]+)(?:/(?P<path>.+))?")
_SCHEME = re.compile(r"(models|runs):|\w[\w-]+:/")
_NAME = re.compile(r"[\w.\- ]+")
_FORMS = "runs:/RUN_ID, models:/NAME@ALIAS or models:/NAME/VERSION"


@dataclass(frozen=True, slots=True)
class RegisteredModel:
    """A version of a registered model.

    Attributes:
        name: of the model.
        version: its number.
        uri: `models:/NAME/VERSION`, for `pull`, `mlflow models serve` and `mlflow.pyfunc.load_model`.
        is_new: False when the same bundle of the same run was registered before.
    """

    name: str
    version: int
    uri: str
    is_new: bool


def register(
    uri: str | None,
    *,
    run_id: str,
    folder: Path,
    name: str,
    labels: Mapping[str, str] | None = None,
) -> RegisteredModel:
    """Log a bundle as a model of a run, as the new champion under a name.

    The same bundle of the same run is registered once. Takes about two seconds and the time of an upload, and more for
    the first time in a process, when mlflow is imported.

    Args:
        uri: the store; None means MLFLOW_TRACKING_URI or, without that, mlflow.db in the working directory.
        run_id: the sweep's run.
        folder: the bundle.
        name: of the registered model, made if need be.
        labels: further tags of the version.

    Raises:
        InputError: the store does not answer or refuses; the bundle stays, and the call may be repeated.
    """
    # MLflow accepts more, but quotes would end a filter, and slashes and @ a models:/ URI
    if not _NAME.fullmatch(name):
        raise InputError(f"a registered model's name must be letters, digits, _ . - and spaces, got {name!r}")
    uri = located(uri)
    try:
        store = _model_store(uri)
        version, is_new = store.register(run_id=run_id, folder=folder, name=name, labels=labels or {})
    except StoreError as error:
        what = "cannot be reached" if isinstance(error, UnreachableError) else "rejected it"
        raise InputError(f"the winner is not registered: tracking store {shown(uri)!r} {what}: {error}") from error
    return RegisteredModel(name, version, f"models:/{name}/{version}", is_new)


def is_remote(target: str) -> bool:
    """Return whether a target names something in a tracking store; a path never does."""
    # any scheme, so that `s3://bucket/x` is refused as a target instead of being searched as a folder
    return _SCHEME.match(target) is not None


def check_target(target: str) -> None:
    """Check the form of a target that is not a path, without any store.

    Raises:
        InputError: it cannot name a bundle; the message has the forms that can.
    """
    if not (_MODEL.fullmatch(target) or _RUN.fullmatch(target)):
        scheme = target.partition("/")[0]
        # another URI may have a password
        got = target if scheme in ("models:", "runs:") else f"one that starts with {scheme}"
        raise InputError(f"a target that is not a path must be {_FORMS}, got {got}")


def fetch(target: str, folder: Path, *, uri: str | None) -> str:
    """Copy the bundle of a run or a registered model into an empty folder, and return which one it is, in words.

    Only the files of a bundle are copied.

    Args:
        target: in one of the forms that `check_target` accepts.
        folder: to copy into; exists.
        uri: the store; None means MLFLOW_TRACKING_URI or, without that, mlflow.db in the working directory.

    Raises:
        InputError: the store does not answer, or has no such run, model, version or bundle.
    """
    check_target(target)
    uri = located(uri)
    # MLflow would make an empty store
    if not exists(uri):
        raise InputError(f"there is no tracking store {shown(uri)!r}; name the right one with --tracking-uri")
    try:
        store = _model_store(uri)
        return _fetch(store, target, folder)
    except UnreachableError as error:
        raise InputError(
            f"tracking store {shown(uri)!r} cannot be reached: {error}; "
            "start the server, or name another one with --tracking-uri",
            where=target,
        ) from error
    except StoreError as error:
        raise InputError(
            f"tracking store {shown(uri)!r} cannot provide the bundle: {error}; "
            "its pages list what it has, and --tracking-uri names another store",
            where=target,
        ) from error


def _fetch(store: ModelStore, target: str, folder: Path) -> str:
    model = _MODEL.fullmatch(target)
    if model:
        return store.fetch_version(model["name"], folder, version=model["version"], alias=model["alias"])
    run = _RUN.fullmatch(target)
    assert run, "a target was checked"
    return store.fetch_of_run(run["run_id"], folder, path=run["path"])


def _model_store(uri: str) -> ModelStore:
    connect(uri)  # first, because it sets the environment that mlflow reads when it is imported
    from sweepkit.tracking.registered_models import ModelStore

    return ModelStore(uri)
