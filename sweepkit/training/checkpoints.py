"""Checkpoints of a trial: all that going on with it needs, one folder for each epoch.

A folder holds the model's weights and its optimiser in Keras' own format, and `state.json`, written last: the
reports so far, the states of the random generators and checksums of the weights and of itself. Nothing is pickled.
Plain Keras can read the weights too: `model.load_weights(".../epoch-0003/model.weights.h5")`. A damaged checkpoint is
passed over for the one before it.
Try `save(storage, paths, model, state)`, then `restore(storage, paths, model)` with a freshly built model.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from sweepkit.errors import DataError
from sweepkit.space import Params
from sweepkit.storage.layout import TrialPaths
from sweepkit.storage.storage import Storage
from sweepkit.trial.trial import Report

logger = logging.getLogger(__name__)

_FORMAT = 1
_STATE = "state.json"
_WEIGHTS = "model.weights.h5"  # Keras insists on the double ending
_EPOCH = re.compile(r"epoch-(\d+)")


class _Damaged(DataError):
    """Its bytes are not those that were written."""


@dataclass(frozen=True, slots=True)
class CheckpointState:
    """Where a trial stands after an epoch.

    Attributes:
        number: which trial of its sweep.
        epoch: the last one trained; 1 for the first.
        reports: one for each epoch so far, in order.
        params: the trial's active parameters.
        seed: what its initial weights and the order of its data came from.
    """

    number: int
    epoch: int
    reports: tuple[Report, ...]
    params: Params
    seed: int


def save(storage: Storage, paths: TrialPaths, model: keras.Model, state: CheckpointState) -> None:
    """Write the checkpoint of `state.epoch`, whole or not at all, in place of one of the same epoch.

    Metrics are not kept: they start afresh with every epoch.
    """
    with storage.new_folder(paths.checkpoint(state.epoch), last=_STATE) as folder:
        model.save_weights(folder / _WEIGHTS)
        content = _to_json(state) | {
            "generators": [variable.numpy().tolist() for variable in _generators(model)],
            "sha256": _sha256(folder / _WEIGHTS),
        }
        Storage.at(str(folder)).write_json(_STATE, content | {"state_sha256": _digest(content)})


def restore(storage: Storage, paths: TrialPaths, model: keras.Model) -> CheckpointState | None:
    """Put the newest checkpoint that is whole into a compiled model of the same architecture.

    A damaged one is passed over, with a warning that names the file.

    Returns:
        The state that was saved, or None when there is no checkpoint to go on from; then the model is untouched.

    Raises:
        DataError: the checkpoint is of another architecture or format; names it.
    """
    epochs = sorted(_epochs(storage, paths), reverse=True)
    for epoch, before in zip(epochs, [*epochs[1:], None], strict=False):
        try:
            return _restored(storage, paths.checkpoint(epoch), model)
        except _Damaged as error:
            going_on = f"goes on from that of epoch {before}" if before else "starts from its first epoch"
            logger.warning("%s; the trial %s", error, going_on)
    return None


def _restored(storage: Storage, name: str, model: keras.Model) -> CheckpointState:
    content = _content(storage, name)
    if content is None:
        raise _damaged(storage, f"{name}/{_STATE}", "is missing")
    _load(storage, name, model, content)
    generators = _generators(model)
    if len(generators) != len(content["generators"]):
        what = "this checkpoint is not of the model that was built: it has other random generators"
        raise DataError(what, where=_where(storage, name))
    for variable, value in zip(generators, content["generators"], strict=True):
        variable.assign(np.asarray(value, dtype=variable.dtype))
    return _from_json(content)


def tidy(storage: Storage, paths: TrialPaths, *, best_epoch: int, last_epoch: int) -> None:
    """Delete all checkpoints but those of these two epochs, and what a killed worker left half-written."""
    for epoch in _epochs(storage, paths) - {best_epoch, last_epoch}:
        storage.delete(paths.checkpoint(epoch))
    storage.delete_unfinished(paths.checkpoints)


def load_weights(storage: Storage, name: str, model: keras.Model) -> None:
    """Put the weights of the checkpoint folder `name` into a model, to predict or to evaluate with it.

    Raises:
        DataError: the checkpoint is missing, damaged or of another architecture; names it.
    """
    content = _content(storage, name)
    if content is None:
        raise DataError("there is no checkpoint here", where=_where(storage, name))
    _load(storage, name, model, content)


def _epochs(storage: Storage, paths: TrialPaths) -> set[int]:
    """Return the epochs that have a checkpoint, whole or not."""
    matches = (_EPOCH.fullmatch(name) for name in storage.names(paths.checkpoints))
    return {int(match[1]) for match in matches if match}


def _content(storage: Storage, name: str) -> dict[str, Any] | None:  # JSON; `_from_json` gives it its types
    file = f"{name}/{_STATE}"
    try:
        content = dict(storage.read_json(file))
        version, digest = content["format"], content.pop("state_sha256", None)
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        raise _damaged(storage, file, "cannot be read") from None
    if digest is not None and digest != _digest(content):  # those of earlier versions have none
        raise _damaged(storage, file, "differs from its checksum")
    if version != _FORMAT:
        what = f"this checkpoint is of format {version}, this version of sweepkit reads format {_FORMAT}"
        raise DataError(what, where=_where(storage, name))
    return content


def _load(storage: Storage, name: str, model: keras.Model, content: Mapping[str, Any]) -> None:
    if model.optimizer and not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    with _local_weights(storage, name) as weights:
        if not weights.exists():
            raise _damaged(storage, f"{name}/{_WEIGHTS}", "is missing")
        if _sha256(weights) != content["sha256"]:
            raise _damaged(storage, f"{name}/{_WEIGHTS}", "differs from its checksum")
        try:
            model.load_weights(weights)
        except ValueError as error:
            what = f"this checkpoint is not of the model that was built: {str(error).splitlines()[0]}"
            raise DataError(what, where=_where(storage, name)) from error


@contextmanager
def _local_weights(storage: Storage, name: str) -> Iterator[Path]:
    if storage.local is not None:
        yield storage.path(f"{name}/{_WEIGHTS}")
        return
    with tempfile.TemporaryDirectory(prefix="sweepkit-") as folder:
        storage.get_folder(name, Path(folder))
        yield Path(folder) / _WEIGHTS


def _generators(model: keras.Model) -> list[Any]:  # Keras variables, which are not typed
    """Return the states of the model's random generators (dropout's), in the order of its layers.

    `save_weights` leaves them out: they are the variables that are neither weights nor metrics.
    """
    others = {id(variable) for variable in [*model.weights, *model.metrics_variables]}
    return [variable for variable in model.variables if id(variable) not in others]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _digest(content: Mapping[str, Any]) -> str:  # JSON
    """Return a checksum that is the same before writing and after reading."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _damaged(storage: Storage, file: str, what: str) -> _Damaged:
    return _Damaged(f"this file of a checkpoint {what}", where=_where(storage, file))


def _where(storage: Storage, name: str) -> str:
    return f"{storage.shown}/{name}"


def _to_json(state: CheckpointState) -> dict[str, Any]:  # a JSON object has no narrower type
    return {
        "format": _FORMAT,
        "number": state.number,
        "epoch": state.epoch,
        "reports": [report.to_json() for report in state.reports],
        "point": state.params,
        "seed": state.seed,
    }


def _from_json(content: Mapping[str, Any]) -> CheckpointState:  # as above
    return CheckpointState(
        number=content["number"],
        epoch=content["epoch"],
        reports=tuple(Report.from_json(report) for report in content["reports"]),
        params=content["point"],
        seed=content["seed"],
    )
