"""The model registry: a sweep's winner under a name, for whoever wants to use it without knowing the sweep.

The door to it; what is said to MLflow is in `models`. Not for metrics and runs: those are `driver`'s. Try
`register(uri, run_id=run_id, folder=Path("runs/sweeps/cells/winner"), name="cells", example="some text").uri`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sweepkit.errors import InputError
from sweepkit.tracking.connect import connect
from sweepkit.tracking.errors import AwayError, StoreError
from sweepkit.tracking.uris import exists, located, shown

if TYPE_CHECKING:
    from sweepkit.tracking.registered_models import ModelStore

CHAMPION = "champion"  # the alias of a sweep's winner
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
        uri: what `pull`, `mlflow models serve` and `mlflow.pyfunc.load_model` take, as `models:/NAME/VERSION`.
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
    example: str,
    alias: str = CHAMPION,
    labels: Mapping[str, str] | None = None,
) -> RegisteredModel:
    """Log a bundle as a model of a run and give it a name; the same bundle of the same run is registered once.

    Takes about two seconds and the time of an upload. The first time in a process mlflow is imported.

    Args:
        uri: the store; None means MLFLOW_TRACKING_URI or, without that, mlflow.db in the working directory.
        run_id: the sweep's run.
        folder: the bundle.
        name: of the registered model, made if need be.
        example: a raw text that shows what the model takes; it is stored.
        alias: what is moved to this version.
        labels: further tags of the version.

    Raises:
        InputError: the store does not answer or refuses; the bundle stays, and the same call may be made again.
    """
    if not (_NAME.fullmatch(name) and _NAME.fullmatch(alias)):
        raise InputError(
            f"a model and its alias must be named in letters, digits, _ . - and spaces, got {name}@{alias}"
        )
    uri = located(uri)
    try:
        store = _model_store(uri)
        version, is_new = store.register(
            run_id=run_id, folder=folder, name=name, alias=alias, example=example, labels=labels or {}
        )
    except StoreError as error:
        what = "cannot be reached" if isinstance(error, AwayError) else "refuses it"
        raise InputError(f"the winner is not registered: tracking store {shown(uri)!r} {what}: {error}") from error
    return RegisteredModel(name, version, f"models:/{name}/{version}", is_new)


def is_remote(target: str) -> bool:
    """Tell whether a target names something in a tracking store; a path never does."""
    return _SCHEME.match(target) is not None


def check_target(target: str) -> None:
    """Find out, without any store, whether a target can name a bundle in one.

    Raises:
        InputError: it cannot; says what can.
    """
    if not (_MODEL.fullmatch(target) or _RUN.fullmatch(target)):
        scheme = target.partition("/")[0]
        got = (
            target if scheme in ("models:", "runs:") else f"one that starts with {scheme}"
        )  # others may hold a password
        raise InputError(f"a target that is no path must be {_FORMS}, got {got}")


def fetch(target: str, folder: Path, *, uri: str | None) -> str:
    """Copy the bundle of a run or a registered model into an empty folder, and say which one it is.

    Nothing but the files of a bundle is copied, under names that are known beforehand.

    Args:
        target: as `check_target` takes it.
        folder: where to; exists.
        uri: the store; None means MLFLOW_TRACKING_URI or, without that, mlflow.db in the working directory.

    Raises:
        InputError: the store does not answer, or has no such run, model, version or bundle.
    """
    check_target(target)
    uri = located(uri)
    if not exists(uri):
        raise InputError(f"there is no tracking store {shown(uri)!r}; name the right one with --tracking-uri")
    try:
        store = _model_store(uri)
        return _fetch(store, target, folder)
    except AwayError as error:
        raise InputError(
            f"tracking store {shown(uri)!r} cannot be reached: {error}; "
            "start the server, or name another one with --tracking-uri",
            where=target,
        ) from error
    except StoreError as error:
        raise InputError(
            f"tracking store {shown(uri)!r} says: {error}; "
            "its pages list what it has, and --tracking-uri names another one",
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
    connect(uri)  # which sets what mlflow reads of the environment when it is imported
    from sweepkit.tracking.registered_models import ModelStore

    return ModelStore(uri)
