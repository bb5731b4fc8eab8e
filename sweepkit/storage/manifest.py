"""A sweep's manifest: what its results depend on, and what becomes known only later (its MLflow run, how it ended).

It is written by `driver.claim` before anything else in a sweep's folder, and read once per command. The final stage
has a smaller one. Try `SweepFolder(Storage.at("runs"), "cells").manifest().created`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from sweepkit.config.schema import SweepConfig
from sweepkit.provenance import CodeInfo

FORMAT = 1
# the file calls settings "spec" and synced "told"
SweepEnd = Literal["finished", "interrupted", "failed"]


@dataclass(frozen=True)
class SweepManifest:
    """What the folder of a sweep, or of its final stage, says of it.

    A final stage has no identity, code or data of its own: these are the sweep's.

    Attributes:
        settings: the YAML as it was last run, credentials left out.
        identity: all that decides results (`config.identity`).
        space: the narrowed space, one description a parameter.
        n_trials: how many trials the sweep is to have.
        data_key: the content key of its data.
        code: what it was begun with.
        source: the YAML's path.
        created: when it was begun, ISO time, UTC.
        parent_run_id: its run in the tracking store, and `tracking_uri` that store, without credentials.
        ended: how its last run ended; None while it runs or where the driver was killed.
        synced: whether the tracking store has everything; None where it was never used.
        other: keys of other versions, kept as they are.
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
        """The settings, checked; a final stage's name in them has a slash, which no YAML may write."""
        name = str(self.settings["sweep"]).partition("/")[0]
        return SweepConfig.model_validate({**self.settings, "sweep": name})

    @property
    def is_synced(self) -> bool:
        """Whether the tracking store has everything; if not, the driver died, or the store was unreachable."""
        return self.synced is not False

    def changed(self, **changes: Any) -> SweepManifest:  # the attributes' own types
        """Return a manifest with other values."""
        return replace(self, **changes)

    def within(self, sweep: SweepManifest) -> SweepManifest:
        """Return a final stage's manifest with what it shares with its sweep."""
        return self.changed(
            identity=sweep.identity,
            space=sweep.space,
            data_key=sweep.data_key,
            code=sweep.code,
            source=sweep.source,
            created=sweep.created,
        )

    def to_json(self) -> dict[str, Any]:  # a JSON object has no narrower type
        """Return the file's content; what is not known is left out, but for what has been known before."""
        values: dict[str, Any] = {
            "format": FORMAT,
            "identity": dict(self.identity) or None,
            "spec": dict(self.settings),
            "space": list(self.space) or None,
            "n_trials": self.n_trials,
            "data_key": self.data_key,
            **(self.code.to_json() if self.code.host else {}),
            "source": self.source,
            "created": self.created,
            "parent_run_id": self.parent_run_id,
            "tracking_uri": self.tracking_uri,
            "ended": self.ended,
            "told": self.synced,
        }
        return {**self.other, **{key: value for key, value in values.items() if value is not None}}

    @classmethod
    def from_json(cls, data: Mapping[str, Any], *, is_stage: bool = False) -> SweepManifest:  # JSON as read
        """Rebuild what `to_json` returned; KeyError, TypeError or ValueError if it is something else."""
        if not is_stage and not (isinstance(data["identity"], dict) and isinstance(data["n_trials"], int)):
            raise TypeError("identity and n_trials are of other types")
        known = {"format", "identity", "spec", "space", "n_trials", "data_key", "source", "created", *CodeInfo.KEYS}
        known |= {"parent_run_id", "tracking_uri", "ended", "told"}
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
            other={key: value for key, value in data.items() if key not in known},
        )
