"""What MLflow runs of a sweep carry besides results: experiment, name, tags and params, all from the manifest.

One place for live logging and for `sync`, so that a store which is filled afterwards has the same. Try
`RunMetadata.of(folder, folder.manifest()).params["search.sampler"]`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sweepkit.redaction import hidden
from sweepkit.storage.manifest import SweepManifest
from sweepkit.storage.sweep_folder import SweepFolder
from sweepkit.trial.trial import Trial

PARENT_TAG = "mlflow.parentRunId"


@dataclass(frozen=True)
class RunMetadata:
    """The part of a sweep's runs that is known before any trial.

    Attributes:
        experiment: by name.
        title: the name of the sweep's run.
        origin: tells the sweep, or its final stage, from all others, also those of its name in other storages.
        tags: of the sweep's run and of its trials' runs.
        params: of the sweep's run: its settings, `search.sampler` and so on, and `data.*` with the package's defaults.
        parent_run_id: the run that a final stage's run is shown under; None for a sweep.
    """

    experiment: str
    title: str
    origin: str
    tags: Mapping[str, str]
    params: Mapping[str, str]
    parent_run_id: str | None = None

    @classmethod
    def of(cls, folder: SweepFolder, manifest: SweepManifest, *, parent_run_id: str | None = None) -> RunMetadata:
        """Take from a manifest what runs carry; of a final stage, the manifest `within` its sweep's."""
        return cls(
            experiment=manifest.config.tracking.experiment or folder.sweep,
            title=folder.title,
            origin=f"{folder.title} {manifest.created} {manifest.code.host}",
            tags=_tags(manifest),
            params=_params(manifest),
            parent_run_id=parent_run_id,
        )

    @property
    def sweep_tags(self) -> dict[str, str]:
        """Tags of the sweep's own run."""
        parent = {PARENT_TAG: self.parent_run_id} if self.parent_run_id else {}
        return {"sweepkit.sweep": self.title, **self.tags, **parent}


@dataclass(frozen=True, slots=True)
class SplitInput:
    """A split of prepared data as an input of a run.

    Attributes:
        name: of the data and the split.
        digest: the content key.
        source: where the prepared data is.
        profile: what there is to know of the split, as JSON values.
        context: what the run does with it: training or validation.
    """

    name: str
    digest: str
    source: str
    profile: Mapping[str, object]
    context: str


def run_name(trial: Trial) -> str:
    """Name a trial's run by its number and the first words and whole numbers of its params: `0007 gru 64`."""
    words = [str(v) for v in trial.params.values() if isinstance(v, str | int) and not isinstance(v, bool)]
    return " ".join([f"{trial.number:04d}", *words[:2]])


def _tags(manifest: SweepManifest) -> dict[str, str]:
    code = manifest.code
    tags = {
        "data_key": str(manifest.data_key),
        "host": code.host,
        "commit": code.commit or "unknown",
        "dirty": "unknown" if code.dirty is None else str(code.dirty).lower(),
        **{f"version.{name}": version for name, version in code.versions.items()},
    }
    commit = {"mlflow.source.git.commit": code.commit} if code.commit else {}
    return {f"sweepkit.{name}": value for name, value in tags.items()} | commit


def _params(manifest: SweepManifest) -> dict[str, str]:
    """Return the settings by dotted name, without the space, which trials have values of."""
    settings = manifest.config.model_dump(mode="json", exclude={"space", "data", "storage", "tracking"})
    # the identity has the package's defaults too, and not the source, which decides nothing
    written: Mapping[str, Any] = manifest.settings.get("data", {})
    settings["data"] = {"source": written.get("source"), **manifest.identity.get("data", {})}
    return {
        f"{section}.{key}": hidden(str(value))
        for section, values in settings.items()
        if isinstance(values, dict)
        for key, value in values.items()
    }
