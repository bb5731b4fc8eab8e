"""The section on provenance: code, versions, settings."""

from __future__ import annotations

from collections.abc import Mapping

from sweepkit.report.data import yaml_of
from sweepkit.report.html.blocks import Facts, Section
from sweepkit.report.html.headings import section
from sweepkit.results.sweep import Sweep

_CHANGES = {True: "with uncommitted changes", False: "clean", None: "uncommitted changes unknown"}


def origin(sweep: Sweep) -> Section:
    """List the code, versions, seeds and settings behind the results."""
    manifest = sweep.manifest
    code, settings = manifest.code, manifest.settings
    seeds = {"search": settings.get("search", {}).get("seed"), "data": manifest.identity.get("data", {}).get("seed")}
    pairs = [
        ("commit", f"{code.commit or 'unknown'}, {_CHANGES.get(code.dirty)}"),
        ("command", f"python -m sweepkit run {yaml_of(sweep)}"),
        ("folder", sweep.folder.shown()),
        ("host", code.host or "unknown"),
        ("started", manifest.created or "unknown"),
        ("data key", manifest.data_key or "unknown"),
        ("seeds", _joined(seeds)),
        ("search", _joined(settings.get("search", {}))),
        ("stopping", _joined(settings.get("stopping", {}))),
        ("versions", _joined(code.versions)),
    ]
    return section("origin", [Facts(pairs)])


def _joined(settings: Mapping[str, object]) -> str:
    return ", ".join(f"{name} {setting}" for name, setting in settings.items() if setting is not None) or "unknown"
