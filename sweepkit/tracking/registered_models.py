"""Requests about MLflow's models and their registry; `runs` has those about runs.

A bundle becomes a model of its sweep's run (`model_files`), and the model a version under a name. Only the client is
used, never MLflow's module-wide state. Use it through `registry`, which sets the environment that mlflow reads when it
is imported. Try `ModelStore(uri).fetch_of_run(run_id, Path("winner"), path=None)`.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from mlflow.entities import LoggedModel, LoggedModelOutput
from mlflow.entities.logged_model_status import LoggedModelStatus
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
from mlflow.utils.mlflow_tags import MLFLOW_MODEL_VERSIONS

from sweepkit.bundle.manifest import MANIFEST, BundleManifest
from sweepkit.tasks.lookup import task_of
from sweepkit.tracking import model_files
from sweepkit.tracking.artifacts import Artifacts
from sweepkit.tracking.mlflow_errors import translated

CHAMPION = "champion"  # the alias of a sweep's winner
# on a version: the digest of its bundle's manifest, and the alias that it was given
_DIGEST_TAG, _ALIAS_TAG = "sweepkit.bundle", "sweepkit.alias"
_MODEL_NAME = "winner"  # among the models of its run
_AWAIT_S = 30  # some registries copy the files of a new version first


class ModelStore:
    """The models of one tracking store.

    Args:
        uri: as `uris.located` gives it; the registry is in the same store.

    Raises:
        StoreError: every method, when a request fails.
    """

    @translated
    def __init__(self, uri: str) -> None:
        self._uri = uri
        self._client = MlflowClient(tracking_uri=uri, registry_uri=uri)

    @translated
    def register(self, *, run_id: str, folder: Path, name: str, labels: Mapping[str, str]) -> tuple[int, bool]:
        """Return the version that the bundle has under this name, and whether it was made now; see `registry`."""
        content = (folder / MANIFEST).read_bytes()
        manifest, digest = _manifest(content), hashlib.sha256(content).hexdigest()
        earlier = self._version_of(name, run_id, digest)
        version = earlier
        if version is None:
            tags = {**_tags(manifest), _DIGEST_TAG: digest, **labels}
            model = self._log(run_id, folder, manifest, tags=tags)
            self._make_name(name)
            version = self._make_version(name, model, tags, description=_description(name, manifest))
        # the tag comes after the alias: where it is missing, a registration was cut short
        if version.tags.get(_ALIAS_TAG) != CHAMPION:
            # once: whoever moves the alias later has reasons
            self._client.set_registered_model_alias(name, CHAMPION, version.version)
            self._client.set_model_version_tag(name, version.version, _ALIAS_TAG, CHAMPION)
        return int(version.version), earlier is None

    @translated
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

    @translated
    def fetch_of_run(self, run_id: str, folder: Path, *, path: str | None) -> str:
        """Copy the bundle of a run: that of its newest model, otherwise the one among its own artifacts.

        Args:
            run_id: the run.
            folder: to copy into.
            path: a folder of the run's artifacts, which leaves its models out; None for the whole run.
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
        """Return the complete models of a run, the newest first."""
        outputs = self._client.get_run(run_id).outputs
        models = [
            self._client.get_logged_model(output.model_id) for output in (outputs.model_outputs if outputs else [])
        ]
        ready = [model for model in models if model.status == LoggedModelStatus.READY]
        return sorted(ready, key=lambda model: model.creation_timestamp, reverse=True)

    def _version_of(self, name: str, run_id: str, digest: str) -> ModelVersion | None:
        # by tag here, since not every store's filter knows tags of versions
        versions = self._client.search_model_versions(f"name = '{name}' and run_id = '{run_id}'")
        return next((version for version in versions if version.tags.get(_DIGEST_TAG) == digest), None)

    def _log(self, run_id: str, folder: Path, manifest: BundleManifest, *, tags: Mapping[str, str]) -> LoggedModel:
        """Make a model of the run from a bundle."""
        run = self._client.get_run(run_id)
        model = self._client.create_logged_model(
            run.info.experiment_id,
            name=_MODEL_NAME,
            source_run_id=run_id,
            tags=dict(tags),
            params={name: str(value) for name, value in manifest.params.items()},
        )
        with self._finalized(model), tempfile.TemporaryDirectory(prefix="sweepkit-model-") as scratch:
            path = Path(scratch) / "model"
            model_files.write(path, folder, manifest, model)
            self._client.log_model_artifacts(model.model_id, str(path))
        self._client.log_outputs(run_id, [LoggedModelOutput(model.model_id, step=0)])
        return model

    @contextlib.contextmanager
    def _finalized(self, model: LoggedModel) -> Iterator[None]:
        """Mark a model as ready at the end of the block, or as failed."""
        try:
            yield
        except BaseException:
            with contextlib.suppress(MlflowException):  # the first error is the one to report
                self._client.finalize_logged_model(model.model_id, LoggedModelStatus.FAILED)
            raise
        self._client.finalize_logged_model(model.model_id, LoggedModelStatus.READY)

    def _make_name(self, name: str) -> None:
        try:
            self._client.create_registered_model(name, description="Winners of sweeps, made by sweepkit.")
        except MlflowException as error:
            # an earlier winner has the name, as a rule
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
        # as MLflow's own `log_model` does, so that the page of the model links to the version
        link = json.dumps([{"name": name, "version": version.version}])
        self._client.set_logged_model_tags(model.model_id, {MLFLOW_MODEL_VERSIONS: link})
        return version


def _manifest(content: bytes) -> BundleManifest:
    data = json.loads(content)
    return task_of(data["package"]).bundle_type.from_json(data)


def _tags(manifest: BundleManifest) -> dict[str, str]:
    tags = {
        "sweep": manifest.sweep,
        "trial": str(manifest.trial),
        "epoch": str(manifest.epoch),
        "data_key": manifest.data_key,
        "commit": manifest.commit or "unknown",
    }
    return {f"sweepkit.{name}": value for name, value in tags.items()}


def _description(name: str, manifest: BundleManifest) -> str:
    """Return the version's page, as Markdown."""
    lines = [
        f"Trial {manifest.trial} of sweep {manifest.sweep}, epoch {manifest.epoch}. {manifest.summary}".rstrip(),
        "",
        "| measured | value | 95 % interval |",
        "|---|---|---|",
        *[f"| {one.name} | {one.value:.4f} | {_interval(one.low, one.high)} |" for one in manifest.measured],
        "",
        "sweepkit has to be installed where the model is served, in an environment that is activated:",
        "",
        f"    mlflow models serve -m models:/{name}@{CHAMPION} --env-manager local",
        "",
        f"As a folder: `python -m sweepkit pull models:/{name}@{CHAMPION} --to {name}`",
    ]
    return "\n".join(lines)


def _interval(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f"{low:.4f} to {high:.4f}"
