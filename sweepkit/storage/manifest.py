"""A sweep's manifest: what its results depend on, and what is added later (its MLflow run, how it ended).

`driver.claim` writes it before any other file of a sweep's folder; a command reads it once. The final stage has a
smaller one. Try `SweepFolder(Storage.at("runs"), "cells").manifest().created`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from sweepkit.config.schema import SweepConfig
from sweepkit.provenance import CodeInfo

FORMAT = 1
# in the file `settings` is "spec" and `synced` is "told", as earlier versions have written them
SweepEnd = Literal["finished", "interrupted", "failed"]


@dataclass(frozen=True)
class SweepManifest:
    """The manifest of a sweep, or of its final stage.

    A final stage has no identity, code or data of its own: these are the sweep's.

    Attributes:
        settings: the YAML as it was last run, without credentials.
        identity: every setting that results depend on (`config.identity`).
        space: the narrowed space, one description for each parameter.
        n_trials: how many trials the sweep is to have.
        data_key: the content key of its data.
        code: the versions that it was begun with.
        source: the YAML's path.
        created: when it was begun, ISO time, UTC.
        parent_run_id: its run in the tracking store.
        tracking_uri: the URI of that store, without credentials.
        ended: how its last run ended; None while it runs, and also after its driver was killed.
        synced: whether the tracking store has everything; None if it was never used.
        other: keys of other versions, kept unchanged.
    """

    settings: Mapping[str, Any]  # JSON
    identity: Mapping[str, Any] = field(default_factory=dict)  # JSON
    space: tuple[Mapping[str, Any], ...] = ()  # JSON
    n_trials: int | None = None
    data_key: str | None = None
    code: CodeInfo = field(default_factory=CodeInfo)
    source: str | None = None
    created: str | None = None
    parent_run_id: str | None = None
    tracking_uri: str | None = None
    ended: SweepEnd | None = None
    synced: bool | None = None
    other: Mapping[str, Any] = field(default_factory=dict)  # JSON

    @property
    def config(self) -> SweepConfig:
        """The settings, validated."""
        # the file of a final stage has the stage's title there, with a slash, which no YAML may have in a name
        name = str(self.settings["sweep"]).partition("/")[0]
        return SweepConfig.model_validate({**self.settings, "sweep": name})

    @property
    def is_synced(self) -> bool:
        """Whether the tracking store has everything; if not, the driver died, or the store was unreachable."""
        # a sweep whose tracking store was never used lacks nothing there
        return self.synced is not False

    def changed(self, **changes: Any) -> SweepManifest:  # the attributes' own types
        """Return a copy with other values."""
        return replace(self, **changes)

    def within(self, sweep: SweepManifest) -> SweepManifest:
        """Return a final stage's manifest, completed by what it shares with its sweep."""
        return self.changed(
            identity=sweep.identity,
            space=sweep.space,
            data_key=sweep.data_key,
            code=sweep.code,
            source=sweep.source,
            created=sweep.created,
        )

    def to_json(self) -> dict[str, Any]:  # a JSON object has no narrower type
        """Return the file's content, without what is not set; a commit is null where it was looked for in vain."""
        values: dict[str, Any] = {
            "format": FORMAT,
            "identity": dict(self.identity) or None,
            "spec": dict(self.settings),
            "space": list(self.space) or None,
            "n_trials": self.n_trials,
            "data_key": self.data_key,
            "source": self.source,
            "created": self.created,
            "parent_run_id": self.parent_run_id,
            "tracking_uri": self.tracking_uri,
            "ended": self.ended,
            "told": self.synced,
        }
        code = self.code.to_json() if self.code.host else {}
        return {**self.other, **{key: value for key, value in values.items() if value is not None}, **code}

    @classmethod
    def from_json(cls, data: Mapping[str, Any], *, is_stage: bool = False) -> SweepManifest:  # JSON as read
        """Rebuild what `to_json` returned; KeyError, TypeError or ValueError if it is something else."""
        if not is_stage and not (isinstance(data["identity"], dict) and isinstance(data["n_trials"], int)):
            raise TypeError("identity and n_trials are of other types")
        own_keys = {"format", "identity", "spec", "space", "n_trials", "data_key", "source", "created", *CodeInfo.KEYS}
        own_keys |= {"parent_run_id", "tracking_uri", "ended", "told"}
        return cls(
            settings=data["spec"],
            identity=data.get("identity", {}),
            space=tuple(data.get("space", ())),
            n_trials=data.get("n_trials"),
            data_key=data.get("data_key"),
            code=CodeInfo.from_json(data),
            source=data.get("source"),
            created=data.get("created"),
            parent_run_id=data.get("parent_run_id"),
            tracking_uri=data.get("tracking_uri"),
            ended=data.get("ended"),
            synced=data.get("told"),
            other={key: value for key, value in data.items() if key not in own_keys},
        )
