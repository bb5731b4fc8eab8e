"""Requests about MLflow's runs; get a `Store` from `connect.connect`. Models are in `registered_models`.

Every method is one request or a few, blocks until the store has answered, and may be called from any thread. A retry
after an unanswered attempt changes nothing, except that `create_run` may leave a second run; `child` deletes it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
from mlflow.utils.mlflow_tags import MLFLOW_LOGGED_ARTIFACTS

from sweepkit.tracking.errors import RefusedError
from sweepkit.tracking.limits import LONGEST_DIGEST, LONGEST_PARAM, LONGEST_TAG, batches, cut, key
from sweepkit.tracking.mlflow_errors import translated
from sweepkit.tracking.run_metadata import PARENT_TAG, TRIAL_TAG, SplitInput
from sweepkit.tracking.uris import artifact_folder

# without it the UI offers the views of language-model applications first
_EXPERIMENT_TAGS = {"mlflow.experimentKind": "custom_model_development"}


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
        """Tell whether a tag or a metric is missing or has another value."""
        # compared as they would be stored, otherwise a long tag would be missing for ever
        stored_tags = {key(name): value for name, value in cut(tags, LONGEST_TAG).items()}
        stored_metrics = {key(name): value for name, value in metrics.items()}
        return not (stored_tags.items() <= self.tags.items() and stored_metrics.items() <= self.metrics.items())


class Store:
    """One tracking store.

    Args:
        uri: as `uris.located` gives it.

    Raises:
        StoreError: MLflow has no store for the URI; every other method, when a request fails.
    """

    @translated
    def __init__(self, uri: str) -> None:
        self.uri = uri
        # a client of its own: MLflow's module-wide state may be somebody else's
        self._client = MlflowClient(tracking_uri=uri)

    @translated
    def experiment(self, name: str) -> str:
        """Return the id of the experiment of this name, made if need be."""
        experiment = self._client.get_experiment_by_name(name)
        if experiment is None:
            try:
                folder = artifact_folder(self.uri, name)
                return str(self._client.create_experiment(name, artifact_location=folder, tags=_EXPERIMENT_TAGS))
            except MlflowException:
                # another driver may have made it in between
                experiment = self._client.get_experiment_by_name(name)
                if experiment is None:
                    raise
        if experiment.lifecycle_stage != "active":
            raise RefusedError(
                f"experiment {name!r} was deleted; restore it with "
                f"`mlflow experiments restore --experiment-id {experiment.experiment_id}` or name another with "
                "tracking.experiment"
            )
        return str(experiment.experiment_id)

    @translated
    def experiment_of(self, run_id: str) -> str:
        """Return the id of the experiment that a run belongs to."""
        return str(self._client.get_run(run_id).info.experiment_id)

    @translated
    def create_run(
        self, experiment_id: str, *, name: str, tags: Mapping[str, str], started: float | None = None
    ) -> str:
        """Make a run and return its id; `started` is in seconds since 1970, None for now."""
        at = None if started is None else int(started * 1000)
        run = self._client.create_run(experiment_id, start_time=at, run_name=name, tags=cut(tags, LONGEST_TAG))
        return str(run.info.run_id)

    @translated
    def child(self, experiment_id: str, parent_run_id: str, number: int) -> str | None:
        """Return the run of a trial, if it has one.

        An unanswered attempt to make a run may succeed after the next attempt, and leave an empty second run, which is
        deleted.
        """
        tags = {PARENT_TAG: parent_run_id, TRIAL_TAG: str(number)}
        runs = self._client.search_runs([experiment_id], filter_string=_filter(tags))
        fullest = sorted(runs, key=lambda run: -len(run.data.metrics) - len(run.data.params))
        for run in fullest[1:]:
            # a second run with metrics is somebody's work, and stays
            if not run.data.metrics:
                self._client.delete_run(run.info.run_id)
        return str(fullest[0].info.run_id) if fullest else None

    @translated
    def tagged(self, experiment_id: str, tag: str, value: str) -> str | None:
        """Return the first run that has a tag, if there is one."""
        # the first by time, so that every later driver finds the same one
        runs = self._client.search_runs(
            [experiment_id], filter_string=_filter({tag: value}), max_results=1, order_by=["attributes.start_time"]
        )
        return str(runs[0].info.run_id) if runs else None

    @translated
    def info(self, run_id: str) -> RunInfo:
        """Return a run's status, params, tags and latest metrics, in one request."""
        run = self._client.get_run(run_id)
        return RunInfo(
            status=str(run.info.status),
            is_deleted=run.info.lifecycle_stage != "active",
            params=dict(run.data.params),
            tags=dict(run.data.tags),
            metrics=dict(run.data.metrics),
            has_data=bool(run.inputs and run.inputs.dataset_inputs),
        )

    @translated
    def steps(self, run_id: str, metric: str) -> set[int]:
        """Return the steps at which a run has a metric."""
        return {int(entry.step) for entry in self._client.get_metric_history(run_id, key(metric))}

    @translated
    def has_artifact(self, run_id: str, folder: str, name: str) -> bool:
        """Tell whether a file is among a run's artifacts."""
        path = f"{folder}/{name}" if folder else name
        return any(file.path == path for file in self._client.list_artifacts(run_id, folder or None))

    @translated
    def reopen(self, run_id: str) -> None:
        """Mark a run as running again."""
        self._client.update_run(run_id, status="RUNNING")

    @translated
    def log_metrics(
        self,
        run_id: str,
        metrics: Mapping[str, float],
        *,
        timestamp: float,
        step: int = 0,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """Add metrics of one step, and set tags, in one request if they fit.

        MLflow identifies a metric's entry by key, step and timestamp, so a retry must repeat all three.
        """
        at = int(timestamp * 1000)
        entities = [Metric(key(name), float(value), at, step) for name, value in metrics.items()]
        self._log(run_id, entities, [], _tag_entities(tags or {}))

    @translated
    def describe(
        self, run_id: str, *, params: Mapping[str, str] | None = None, tags: Mapping[str, str] | None = None
    ) -> None:
        """Set params and tags, in one request if they fit; a param cannot change."""
        entities = [Param(key(name), value) for name, value in cut(params or {}, LONGEST_PARAM).items()]
        self._log(run_id, [], entities, _tag_entities(tags or {}))

    @translated
    def add_dataset(self, run_id: str, split: SplitInput) -> None:
        """Record a split as an input of a run."""
        dataset = Dataset(
            name=split.name,
            digest=split.digest[:LONGEST_DIGEST],
            source_type="local" if "://" not in split.source else split.source.partition("://")[0],
            source=json.dumps({"uri": split.source}),
            profile=json.dumps(dict(split.profile)),
        )
        tags = [InputTag("mlflow.data.context", split.context)]
        self._client.log_inputs(run_id, datasets=[DatasetInput(dataset, tags)])

    @translated
    def upload(self, run_id: str, folder: Path, *, name: str) -> None:
        """Copy a folder to a run's artifacts."""
        self._client.log_artifacts(run_id, str(folder), artifact_path=name)

    @translated
    def put_table(self, run_id: str, *, name: str, columns: Mapping[str, Sequence[object]]) -> None:
        """Write a table among a run's artifacts, in the place of an earlier one, so that the UI can compare it."""
        # not MLflow's own `log_table`, which appends to the earlier one
        rows = [list(row) for row in zip(*columns.values(), strict=True)]
        self._client.log_dict(run_id, {"columns": list(columns), "data": rows}, name)
        tag = json.dumps([{"path": name, "type": "table"}])
        self._client.set_tag(run_id, MLFLOW_LOGGED_ARTIFACTS, tag)

    @translated
    def end(self, run_id: str, status: str, *, at: float | None = None) -> None:
        """End a run as FINISHED, KILLED or FAILED; `at` is in seconds since 1970, None for now."""
        self._client.set_terminated(run_id, status=status, end_time=None if at is None else int(at * 1000))

    def _log(self, run_id: str, metrics: Sequence[Metric], params: Sequence[Param], tags: Sequence[RunTag]) -> None:
        for batch in batches(metrics, params, tags):
            self._client.log_batch(run_id, metrics=batch.metrics, params=batch.params, tags=batch.tags)


def _filter(tags: Mapping[str, str]) -> str:
    """Return the expression by which `search_runs` selects runs with these tags."""
    # a quote, which no name of a sweep or a host has, would end the value
    quoted = {name: value.replace("'", "") for name, value in tags.items()}
    return " and ".join(f"tags.`{name}` = '{value}'" for name, value in quoted.items())


def _tag_entities(tags: Mapping[str, str]) -> list[RunTag]:
    return [RunTag(key(name), value) for name, value in cut(tags, LONGEST_TAG).items()]
