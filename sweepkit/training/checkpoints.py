"""Checkpoints of a trial: all that resuming it needs, one folder for each epoch.

A folder holds the weights of the model and its optimiser in Keras' own format, and `state.json`, written last: the
reports so far, the states of the random generators, and checksums of the weights and of itself. Nothing is pickled.
Plain Keras can read the weights too: `model.load_weights(".../epoch-0003/model.weights.h5")`. If a checkpoint is
damaged, the one before it is used.
Try `save(folder, model, state)`, then `restore(folder, model)` with a freshly built model.
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
from sweepkit.storage.storage import Storage
from sweepkit.storage.sweep_folder import TrialFolder
from sweepkit.trial.trial import Report

logger = logging.getLogger(__name__)

_FORMAT = 1
_PARAMS_KEY = "point"  # as state.json spells `params`
_STATE = "state.json"
_WEIGHTS = "model.weights.h5"  # Keras insists on the double ending
_EPOCH = re.compile(r"epoch-(\d+)")


class _Damaged(DataError):
    """A checkpoint's bytes are not those that were written."""


@dataclass(frozen=True, slots=True)
class CheckpointState:
    """The state of a trial after an epoch.

    Attributes:
        number: of the trial in its sweep.
        epoch: the last one trained; 1 for the first.
        reports: one for each epoch so far, in order.
        params: the trial's active parameters.
        seed: of the initial weights and the order of the data.
    """

    number: int
    epoch: int
    reports: tuple[Report, ...]
    params: Params
    seed: int


def save(folder: TrialFolder, model: keras.Model, state: CheckpointState) -> None:
    """Write the checkpoint of `state.epoch`, whole or not at all, replacing one of the same epoch.

    Metrics are not saved: they are reset at the start of every epoch.
    """
    with folder.storage.new_folder(folder.paths.checkpoint(state.epoch), last=_STATE) as unfinished:
        model.save_weights(unfinished / _WEIGHTS)
        content = _to_json(state) | {
            "generators": [variable.numpy().tolist() for variable in _generators(model)],
            "sha256": _sha256(unfinished / _WEIGHTS),
        }
        Storage.at(str(unfinished)).write_json(_STATE, content | {"state_sha256": _digest(content)})


def restore(folder: TrialFolder, model: keras.Model) -> CheckpointState | None:
    """Load the newest intact checkpoint into a compiled model of the same architecture.

    Damaged checkpoints are skipped, with a warning that names the file.

    Returns:
        The state that was saved, or None if there is no intact checkpoint; then the model is unchanged.

    Raises:
        DataError: the checkpoint is of another architecture or format; names it.
    """
    epochs = sorted(_epochs(folder), reverse=True)
    for epoch, before in zip(epochs, [*epochs[1:], None], strict=False):
        try:
            return _restored(folder, folder.paths.checkpoint(epoch), model)
        except _Damaged as error:
            resumption = f"resumes from the checkpoint of epoch {before}" if before else "starts from its first epoch"
            logger.warning("%s; the trial %s", error, resumption)
    return None


def tidy(folder: TrialFolder, *, best_epoch: int, last_epoch: int) -> None:
    """Delete all checkpoints but those of these two epochs, and what a killed worker left incomplete."""
    for epoch in _epochs(folder) - {best_epoch, last_epoch}:
        folder.storage.delete(folder.paths.checkpoint(epoch))
    folder.storage.delete_unfinished(folder.paths.checkpoints)


def load_weights(folder: TrialFolder, epoch: int, model: keras.Model) -> None:
    """Load the weights of an epoch's checkpoint into a model, for prediction or evaluation.

    Raises:
        DataError: the checkpoint is missing, damaged or of another architecture; names it.
    """
    name = folder.paths.checkpoint(epoch)
    content = _content(folder, name)
    if content is None:
        raise DataError("there is no checkpoint here", where=folder.shown(name))
    _load(folder, name, model, content)


def _epochs(folder: TrialFolder) -> set[int]:
    """Return the epochs that have a checkpoint, intact or not."""
    matches = (_EPOCH.fullmatch(name) for name in folder.storage.names(folder.paths.checkpoints))
    return {int(match[1]) for match in matches if match}


def _restored(folder: TrialFolder, name: str, model: keras.Model) -> CheckpointState:
    content = _content(folder, name)
    if content is None:
        raise _damaged(folder, f"{name}/{_STATE}", "is missing")
    _load(folder, name, model, content)
    generators = _generators(model)
    if len(generators) != len(content["generators"]):
        what = "this checkpoint is not of the model that was built: it has other random generators"
        raise DataError(what, where=folder.shown(name))
    for variable, value in zip(generators, content["generators"], strict=True):
        variable.assign(np.asarray(value, dtype=variable.dtype))
    return _from_json(content)


def _content(folder: TrialFolder, name: str) -> dict[str, Any] | None:  # JSON; `_from_json` gives it its types
    file = f"{name}/{_STATE}"
    try:
        content = dict(folder.storage.read_json(file))
        version, digest = content["format"], content.pop("state_sha256", None)
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        raise _damaged(folder, file, "cannot be read") from None
    if digest is not None and digest != _digest(content):  # earlier versions wrote none
        raise _damaged(folder, file, "differs from its checksum")
    if version != _FORMAT:
        what = f"this checkpoint is of format {version}, this version of sweepkit reads format {_FORMAT}"
        raise DataError(what, where=folder.shown(name))
    return content


def _load(folder: TrialFolder, name: str, model: keras.Model, content: Mapping[str, Any]) -> None:
    # otherwise Keras would skip the optimiser's variables, which do not exist before its first step
    if model.optimizer and not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    with _local_weights(folder.storage, name) as weights:
        if not weights.exists():
            raise _damaged(folder, f"{name}/{_WEIGHTS}", "is missing")
        if _sha256(weights) != content["sha256"]:
            raise _damaged(folder, f"{name}/{_WEIGHTS}", "differs from its checksum")
        try:
            model.load_weights(weights)
        except ValueError as error:
            what = f"this checkpoint is not of the model that was built: {str(error).splitlines()[0]}"
            raise DataError(what, where=folder.shown(name)) from error


@contextmanager
def _local_weights(storage: Storage, name: str) -> Iterator[Path]:
    """Provide the path of a checkpoint's weights, of a bucket a copy: Keras reads from paths only."""
    if storage.local is not None:
        yield storage.path(f"{name}/{_WEIGHTS}")
        return
    with tempfile.TemporaryDirectory(prefix="sweepkit-") as copy:
        storage.get_folder(name, Path(copy))
        yield Path(copy) / _WEIGHTS


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


def _damaged(folder: TrialFolder, file: str, what: str) -> _Damaged:
    return _Damaged(f"this file of a checkpoint {what}", where=folder.shown(file))


def _to_json(state: CheckpointState) -> dict[str, Any]:  # a JSON object has no narrower type
    return {
        "format": _FORMAT,
        "number": state.number,
        "epoch": state.epoch,
        "reports": [report.to_json() for report in state.reports],
        _PARAMS_KEY: state.params,
        "seed": state.seed,
    }


def _from_json(content: Mapping[str, Any]) -> CheckpointState:  # JSON as read
    return CheckpointState(
        number=content["number"],
        epoch=content["epoch"],
        reports=tuple(Report.from_json(report) for report in content["reports"]),
        params=content[_PARAMS_KEY],
        seed=content["seed"],
    )
