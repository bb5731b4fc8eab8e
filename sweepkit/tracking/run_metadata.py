"""What MLflow runs of a sweep carry besides results: experiment, name, tags and params, all from the manifest.

One place for live logging and for `sync`, so that a store which is filled afterwards is the same. Try
`RunMetadata.of(folder, folder.manifest()).params["search.sampler"]`.
"""

from __future__ import annotations

import getpass
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sweepkit.redaction import hidden
from sweepkit.storage.manifest import SweepManifest
from sweepkit.storage.sweep_folder import SweepFolder
from sweepkit.trial.trial import Trial

PARENT_TAG = "mlflow.parentRunId"  # the UI nests runs by it
TRIAL_TAG = "sweepkit.trial"  # on a trial's run: its number
ORIGIN_TAG = "sweepkit.origin"  # on a sweep's run: the sweep and its storage
_SOURCE_TAGS = {"mlflow.source.name": "sweepkit", "mlflow.source.type": "LOCAL"}


@dataclass(frozen=True)
class RunMetadata:
    """The part of a sweep's runs that is known before any trial.

    Attributes:
        experiment: by name.
        title: the name of the sweep's run.
        origin: identifies the sweep, or its final stage, among all others, also those of its name in other storages;
            a run is found by it where its id was lost.
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
            # a name alone is used again in other storages, and by a sweep that takes the place of a deleted one
            origin=f"{folder.title} {manifest.created} {manifest.code.host}",
            tags=_tags(manifest),
            params=_params(manifest),
            parent_run_id=parent_run_id,
        )

    @property
    def sweep_tags(self) -> dict[str, str]:
        """Tags of the sweep's own run."""
        parent = {PARENT_TAG: self.parent_run_id} if self.parent_run_id else {}
        # no source tags: whoever continues the sweep is not the user who began it
        return {"sweepkit.sweep": self.title, **self.tags, **parent}


@dataclass(frozen=True, slots=True)
class SplitInput:
    """A split of prepared data as an input of a run.

    Attributes:
        name: of the data and the split.
        digest: the content key.
        source: the folder of the prepared data.
        profile: counts and other facts about the split, as JSON values.
        context: what the run uses it for: training or validation.
    """

    name: str
    digest: str
    source: str
    profile: Mapping[str, object]
    context: str


def source_tags() -> dict[str, str]:
    """Return what MLflow shows as the source and the user of a run."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user need not have a name
        return _SOURCE_TAGS
    return _SOURCE_TAGS | {"mlflow.user": user}


def trial_tags(number: int, *, parent_run_id: str, tags: Mapping[str, str]) -> dict[str, str]:
    """Return the tags of a new run of a trial, with `tags` of the sweep's."""
    return {**source_tags(), **tags, PARENT_TAG: parent_run_id, TRIAL_TAG: str(number)}


def run_name(trial: Trial) -> str:
    """Name a trial's run by its number and the first words and whole numbers of its params: `0007 gru 64`."""
    # a list of runs has room for little; "0.0013271" and "True" say nothing without their parameter
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
    # MLflow's own tag, which its UI shows as the run's version
    commit = {"mlflow.source.git.commit": code.commit} if code.commit else {}
    return {f"sweepkit.{name}": value for name, value in tags.items()} | commit


def _params(manifest: SweepManifest) -> dict[str, str]:
    """Return the settings by dotted name, without the space, which trials have values of."""
    settings = manifest.config.model_dump(mode="json", exclude={"space", "data", "storage", "tracking"})
    # the identity has the package's defaults too, but not the source, which decides no result
    written: Mapping[str, Any] = manifest.settings.get("data", {})
    settings["data"] = {"source": written.get("source"), **manifest.identity.get("data", {})}
    return {
        f"{section}.{key}": hidden(str(value))  # a source may be a URL with a password
        for section, values in settings.items()
        if isinstance(values, dict)
        for key, value in values.items()
    }
