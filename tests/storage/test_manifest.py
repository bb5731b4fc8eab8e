"""A manifest's file: what is not set is left out, and what was looked for in vain is null."""

from __future__ import annotations

from sweepkit.provenance import CodeInfo
from sweepkit.storage.manifest import SweepManifest

MANIFEST = SweepManifest({"sweep": "cells"}, identity={"package": "toy"}, n_trials=1)


def test_what_is_not_set_is_left_out() -> None:
    assert MANIFEST.to_json() == {
        "format": 1,
        "identity": {"package": "toy"},
        "spec": {"sweep": "cells"},
        "n_trials": 1,
    }


def test_a_package_outside_of_a_repository_has_a_commit_of_null() -> None:
    written = MANIFEST.changed(code=CodeInfo(versions={"python": "3.11.7"}, host="node-1")).to_json()
    assert written["commit"] is None
    assert written["dirty"] is None
    assert SweepManifest.from_json(written) == MANIFEST.changed(code=CodeInfo.from_json(written))


def test_keys_of_other_versions_are_kept() -> None:
    written = MANIFEST.to_json() | {"later": [1]}
    assert SweepManifest.from_json(written).to_json() == written
