"""MLflow's runs, in sweepkit's words; get a `Store` from `connection.connect`. Models are in `models`.

Every method is one request or a few, blocks until the store has answered, and may be called from any thread.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag
from mlflow.exceptions import MlflowException, RestException
from mlflow.tracking import MlflowClient
from mlflow.utils.mlflow_tags import MLFLOW_LOGGED_ARTIFACTS, MLFLOW_PARENT_RUN_ID

from sweepkit.tracking.errors import TRIAL_TAG, AwayError, RefusedError
from sweepkit.tracking.run_metadata import SplitInput
from sweepkit.tracking.uris import artifact_folder, shown

_SOME_DAY = (408, 425, 429)  # time-outs and "slow down"; all other 4xx stay as they are
_MOST_METRICS, _MOST_LABELS = 800, 100  # of one request
_LONGEST_PARAM, _LONGEST_TAG, _LONGEST_DIGEST = 6000, 8000, 12
# without it the UI offers the views of language-model applications first
_EXPERIMENT_TAGS = {"mlflow.experimentKind": "custom_model_development"}
_OS_ERROR = re.compile(r"\[Errno -?\d+\] ([\w ]+)")
_ERROR_CODE = re.compile(r"^[A-Z_]+: ")
_NOT_IN_KEYS = re.compile(r"[^\w\-./ ]")

_Args = ParamSpec("_Args")
_Result = TypeVar("_Result")


def in_our_words(method: Callable[_Args, _Result]) -> Callable[_Args, _Result]:
    """Let a method raise only AwayError and RefusedError."""

    @functools.wraps(method)
    def call(*args: _Args.args, **kwargs: _Args.kwargs) -> _Result:
        try:
            return method(*args, **kwargs)
        except MlflowException as error:
            status = error.get_http_status_code()  # type: ignore[no-untyped-call]  # MLflow is typed in part
            reason = _reason(error)
            if 400 <= status < 500 and status not in _SOME_DAY:
                raise RefusedError(reason) from error
            has_answered = isinstance(error, RestException) or "too many 500 error responses" in str(error)
            raise AwayError(reason, has_answered=has_answered) from error
        except OSError as error:  # what an artifact's way may raise: the network, a full disk
            raise AwayError(_reason(error)) from error

    return call


@dataclass(frozen=True, slots=True)
class RunInfo:
    """A run as the store has it; `has_data` is whether a dataset is among its inputs."""

    status: str
    is_deleted: bool
    params: Mapping[str, str]
    tags: Mapping[str, str]
    metrics: Mapping[str, float]
    has_data: bool

    def lacks(self, *, tags: Mapping[str, str], metrics: Mapping[str, float]) -> bool:
        """Tell whether one of these is not there or has another value."""
        known_tags = {_key(name): value for name, value in _cut(tags, _LONGEST_TAG).items()}
        known_metrics = {_key(name): value for name, value in metrics.items()}
        return not (known_tags.items() <= self.tags.items() and known_metrics.items() <= self.metrics.items())


class Store:
    """One tracking store.

    Args:
        uri: as `connection.located` gives it.

    Raises:
        StoreError: MLflow does not know the URI; every other method, when the request fails.
    """

    @in_our_words
    def __init__(self, uri: str) -> None:
        self.uri = uri
        self._client = MlflowClient(tracking_uri=uri)

    @in_our_words
    def experiment(self, name: str) -> str:
        """Return the id of the experiment of this name, made if need be."""
        found = self._client.get_experiment_by_name(name)
        if found is None:
            try:
                folder = artifact_folder(self.uri, name)
                return str(self._client.create_experiment(name, artifact_location=folder, tags=_EXPERIMENT_TAGS))
            except MlflowException:
                found = self._client.get_experiment_by_name(name)
                if found is None:  # otherwise somebody else made it in between
                    raise
        if found.lifecycle_stage != "active":
            raise RefusedError(
                f"experiment {name!r} was deleted; bring it back with "
                f"`mlflow experiments restore --experiment-id {found.experiment_id}` or name another with "
                "tracking.experiment"
            )
        return str(found.experiment_id)

    @in_our_words
    def create_run(
        self, experiment_id: str, *, name: str, tags: Mapping[str, str], started: float | None = None
    ) -> str:
        """Make a run and return its id; `started` is in seconds since 1970, None for now."""
        at = None if started is None else int(started * 1000)
        run = self._client.create_run(experiment_id, start_time=at, run_name=name, tags=_cut(tags, _LONGEST_TAG))
        return str(run.info.run_id)

    @in_our_words
    def child(self, experiment_id: str, parent_run_id: str, number: int) -> str | None:
        """Return the run of a trial, if it has one.

        An attempt to make one that was not answered may succeed after the next attempt, and leave an empty second
        run; that is deleted.
        """
        wanted = {MLFLOW_PARENT_RUN_ID: parent_run_id, TRIAL_TAG: str(number)}
        found = self._client.search_runs([experiment_id], filter_string=_filter(wanted))
        fullest = sorted(found, key=lambda run: -len(run.data.metrics) - len(run.data.params))
        for run in fullest[1:]:
            if not run.data.metrics:
                self._client.delete_run(run.info.run_id)
        return str(fullest[0].info.run_id) if fullest else None

    @in_our_words
    def tagged(self, experiment_id: str, key: str, value: str) -> str | None:
        """Return the first run that has a tag, if there is one."""
        found = self._client.search_runs(
            [experiment_id], filter_string=_filter({key: value}), max_results=1, order_by=["attributes.start_time"]
        )
        return str(found[0].info.run_id) if found else None

    @in_our_words
    def facts(self, run_id: str) -> RunInfo:
        """Return what there is to know of a run."""
        run = self._client.get_run(run_id)
        return RunInfo(
            status=str(run.info.status),
            is_deleted=run.info.lifecycle_stage != "active",
            params=dict(run.data.params),
            tags=dict(run.data.tags),
            metrics=dict(run.data.metrics),
            has_data=bool(run.inputs and run.inputs.dataset_inputs),
        )

    @in_our_words
    def steps(self, run_id: str, metric: str) -> set[int]:
        """Return the steps at which a run has a metric."""
        return {int(metric.step) for metric in self._client.get_metric_history(run_id, _key(metric))}

    @in_our_words
    def has_artifact(self, run_id: str, folder: str, name: str) -> bool:
        """Tell whether a file is among a run's artifacts."""
        path = f"{folder}/{name}" if folder else name
        return any(file.path == path for file in self._client.list_artifacts(run_id, folder or None))

    @in_our_words
    def experiment_of(self, run_id: str) -> str:
        """Return the id of the experiment that a run belongs to."""
        return str(self._client.get_run(run_id).info.experiment_id)

    @in_our_words
    def reopen(self, run_id: str) -> None:
        """Say that a run goes on."""
        self._client.update_run(run_id, status="RUNNING")

    @in_our_words
    def record(
        self,
        run_id: str,
        *,
        metrics: Mapping[str, float] | None = None,
        step: int = 0,
        timestamp: float = 0.0,
        params: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """Add metrics (of one step, at a time in seconds since 1970), params and tags, in one request if they fit.

        Saying the same twice is the same as saying it once; a param cannot change.
        """
        at = int(timestamp * 1000)
        all_metrics = [Metric(_key(name), float(value), at, step) for name, value in (metrics or {}).items()]
        all_params = [Param(_key(name), value) for name, value in _cut(params or {}, _LONGEST_PARAM).items()]
        all_tags = [RunTag(_key(name), value) for name, value in _cut(tags or {}, _LONGEST_TAG).items()]
        batches = zip_longest(
            _chunks(all_metrics, _MOST_METRICS),
            _chunks(all_params, _MOST_LABELS),
            _chunks(all_tags, _MOST_LABELS),
            fillvalue=(),
        )
        for some_metrics, some_params, some_tags in batches:
            self._client.log_batch(run_id, metrics=some_metrics, params=some_params, tags=some_tags)

    @in_our_words
    def params(self, run_id: str) -> dict[str, str]:
        """Return the params that a run has."""
        return dict(self._client.get_run(run_id).data.params)

    @in_our_words
    def add_dataset(self, run_id: str, split: SplitInput) -> None:
        """Record a split as an input of a run."""
        dataset = Dataset(
            name=split.name,
            digest=split.digest[:_LONGEST_DIGEST],
            source_type="local" if "://" not in split.source else split.source.partition("://")[0],
            source=json.dumps({"uri": split.source}),
            profile=json.dumps(dict(split.profile)),
        )
        tags = [InputTag("mlflow.data.context", split.context)]
        self._client.log_inputs(run_id, datasets=[DatasetInput(dataset, tags)])

    @in_our_words
    def upload(self, run_id: str, folder: Path, *, name: str) -> None:
        """Copy a folder to a run's artifacts."""
        self._client.log_artifacts(run_id, str(folder), artifact_path=name)

    @in_our_words
    def put_table(self, run_id: str, *, name: str, columns: Mapping[str, Sequence[object]]) -> None:
        """Write a table among a run's artifacts, in the place of an earlier one, so that the UI can compare it.

        MLflow's own `log_table` would append to the earlier one.
        """
        rows = [list(row) for row in zip(*columns.values(), strict=True)]
        self._client.log_dict(run_id, {"columns": list(columns), "data": rows}, name)
        tag = json.dumps([{"path": name, "type": "table"}])
        self._client.set_tag(run_id, MLFLOW_LOGGED_ARTIFACTS, tag)

    @in_our_words
    def end(self, run_id: str, status: str, *, at: float | None = None) -> None:
        """Say that a run has ended, as FINISHED, KILLED or FAILED; `at` is in seconds since 1970, None for now."""
        self._client.set_terminated(run_id, status=status, end_time=None if at is None else int(at * 1000))


def _reason(error: Exception) -> str:
    """Cut lines of "failed with exception … (Caused by …)" down to what the operating system said."""
    text = str(error).strip()
    cause = _OS_ERROR.search(text)
    return cause[1].lower() if cause else shown(_ERROR_CODE.sub("", text.partition("\n")[0])).rstrip(".")


def _filter(tags: Mapping[str, str]) -> str:
    """Return what `search_runs` finds runs with these tags by."""
    quoted = {key: value.replace("'", "") for key, value in tags.items()}
    return " and ".join(f"tags.`{key}` = '{value}'" for key, value in quoted.items())


def _key(name: str) -> str:
    """Return a name with what MLflow does not allow in one replaced."""
    return _NOT_IN_KEYS.sub("_", name)


def _cut(values: Mapping[str, str], length: int) -> dict[str, str]:
    return {name: value[:length] for name, value in values.items()}


def _chunks(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:  # entities of three unrelated types
    return (items[start : start + size] for start in range(0, len(items), size))
